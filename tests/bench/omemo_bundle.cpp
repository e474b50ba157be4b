#include "omemo_bundle.hpp"

#include <fmt/format.h>
#include <openssl/bn.h>
#include <openssl/evp.h>

#include <array>
#include <memory>
#include <stdexcept>

#include "base/crypto.hpp"

namespace valise::bench {

namespace {

struct KeyFree {
  void operator()(EVP_PKEY* key) const noexcept { EVP_PKEY_free(key); }
  void operator()(EVP_MD_CTX* context) const noexcept { EVP_MD_CTX_free(context); }
  void operator()(BIGNUM* number) const noexcept { BN_free(number); }
  void operator()(BN_CTX* context) const noexcept { BN_CTX_free(context); }
};
using Number = std::unique_ptr<BIGNUM, KeyFree>;
using Point = std::array<unsigned char, 32>;

// Curve25519's u of an Ed25519 public key: u = (1 + y) / (1 − y) mod 2^255 − 19 (RFC 7748 §4.1).
Point montgomery_u(Point ed25519) {
  ed25519[31] &= 0x7f;
  const std::unique_ptr<BN_CTX, KeyFree> context(BN_CTX_new());
  Number prime(BN_new()), above(BN_new()), below(BN_new()), inverse(BN_new()), u(BN_new());
  BN_set_bit(prime.get(), 255);
  BN_sub_word(prime.get(), 19);
  const Number y(BN_lebin2bn(ed25519.data(), 32, nullptr));
  BN_copy(above.get(), y.get());
  BN_add_word(above.get(), 1);
  BN_mod_sub(below.get(), BN_value_one(), y.get(), prime.get(), context.get());
  BN_mod_inverse(inverse.get(), below.get(), prime.get(), context.get());
  BN_mod_mul(u.get(), above.get(), inverse.get(), prime.get(), context.get());
  Point out{};
  BN_bn2lebinpad(u.get(), out.data(), 32);
  return out;
}

// 0x05 and 32 bytes; a random u is a point on the curve or its twist, and of low order only by a 2^-250 accident.
std::string random_point() {
  std::string point = crypto::random_string(33);
  point[0] = 0x05;
  point[32] = static_cast<char>(point[32] & 0x7f);
  return point;
}

}  // namespace

std::string make_bundle() {
  const std::unique_ptr<EVP_PKEY, KeyFree> key(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"));
  Point public_key{};
  std::size_t size = public_key.size();
  if (!key || EVP_PKEY_get_raw_public_key(key.get(), public_key.data(), &size) != 1) {
    throw std::runtime_error("cannot make an Ed25519 key");
  }
  const auto u = montgomery_u(public_key);
  const auto identity = std::string("\x05") + std::string(reinterpret_cast<const char*>(u.data()), u.size());

  // libsignal's "Curve25519 signature" is Ed25519 over the 33-byte serialised key with the sign bit of the Edwards
  // public key carried in the top bit of the signature.
  const auto prekey = random_point();
  std::array<unsigned char, 64> signature{};
  size = signature.size();
  const std::unique_ptr<EVP_MD_CTX, KeyFree> context(EVP_MD_CTX_new());
  if (EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, key.get()) != 1 ||
      EVP_DigestSign(context.get(), signature.data(), &size, reinterpret_cast<const unsigned char*>(prekey.data()),
                     prekey.size()) != 1) {
    throw std::runtime_error("cannot sign a prekey");
  }
  signature[63] = static_cast<unsigned char>(signature[63] | (public_key[31] & 0x80));

  std::string bundle = fmt::format(
      "<bundle xmlns='eu.siacs.conversations.axolotl'><signedPreKeyPublic signedPreKeyId='1'>{}</signedPreKeyPublic>"
      "<signedPreKeySignature>{}</signedPreKeySignature><identityKey>{}</identityKey><prekeys>",
      crypto::base64_encode(prekey),
      crypto::base64_encode({reinterpret_cast<const char*>(signature.data()), signature.size()}),
      crypto::base64_encode(identity));
  for (int id = 1; id <= 25; ++id) {
    bundle += fmt::format("<preKeyPublic preKeyId='{}'>{}</preKeyPublic>", id, crypto::base64_encode(random_point()));
  }
  return bundle + "</prekeys></bundle>";
}

}  // namespace valise::bench
