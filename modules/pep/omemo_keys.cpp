#include "modules/pep/omemo_keys.hpp"

#include <openssl/bn.h>
#include <openssl/evp.h>

#include <algorithm>
#include <memory>
#include <string>

namespace valise::modules::omemo_keys {
namespace {

struct FreeBignum {
  void operator()(BIGNUM* number) const { BN_free(number); }
  void operator()(BN_CTX* context) const { BN_CTX_free(context); }
};
using Bignum = std::unique_ptr<BIGNUM, FreeBignum>;
using BignumContext = std::unique_ptr<BN_CTX, FreeBignum>;

// p = 2^255 − 19.
Bignum field_prime() {
  Bignum p(BN_new());
  if (!p || BN_set_bit(p.get(), 255) != 1 || BN_sub_word(p.get(), 19) != 1) return nullptr;
  return p;
}

Bignum number_of(Key bytes) {
  bytes[31] &= 0x7f;
  return Bignum(BN_lebin2bn(bytes.data(), static_cast<int>(bytes.size()), nullptr));
}

// numerator / divisor mod p; nothing if there is no inverse.
std::optional<Key> quotient(const BIGNUM* numerator, const BIGNUM* divisor, const BIGNUM* p, BN_CTX* context) {
  Bignum inverse(BN_mod_inverse(nullptr, divisor, p, context));
  Bignum result(BN_new());
  if (!inverse || !result || BN_mod_mul(result.get(), numerator, inverse.get(), p, context) != 1) return std::nullopt;
  Key out;
  if (BN_bn2lebinpad(result.get(), out.data(), static_cast<int>(out.size())) != static_cast<int>(out.size())) {
    return std::nullopt;
  }
  return out;
}

// y = (u−1)/(u+1), without a sign. Nothing for u = −1.
std::optional<Key> edwards_y(const Key& u) {
  const auto p = field_prime();
  const BignumContext context(BN_CTX_new());
  const auto number = number_of(u);
  const Bignum below(BN_new());
  const Bignum above(BN_new());
  if (!p || !context || !number || !below || !above) return std::nullopt;
  if (BN_mod_sub(below.get(), number.get(), BN_value_one(), p.get(), context.get()) != 1 ||
      BN_mod_add(above.get(), number.get(), BN_value_one(), p.get(), context.get()) != 1) {
    return std::nullopt;
  }
  return quotient(below.get(), above.get(), p.get(), context.get());
}

constexpr Key from_hex(std::string_view hex) {
  Key out{};
  const auto digit = [](char c) { return static_cast<unsigned char>(c <= '9' ? c - '0' : c - 'a' + 10); };
  for (std::size_t i = 0; i < out.size(); ++i) {
    out[i] = static_cast<unsigned char>(digit(hex[2 * i]) << 4 | digit(hex[2 * i + 1]));
  }
  return out;
}

// 0, 1, the two u of order 8, p−1, and p and p+1, which are 0 and 1 in unreduced form. All other unreduced values
// stand for u of 2 … 18, which have a large order.
constexpr std::array<Key, 7> low_order{
    from_hex("0000000000000000000000000000000000000000000000000000000000000000"),
    from_hex("0100000000000000000000000000000000000000000000000000000000000000"),
    from_hex("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800"),
    from_hex("5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157"),
    from_hex("ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
    from_hex("edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
    from_hex("eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
};

}  // namespace

std::optional<Key> key_of(std::string_view bytes) noexcept {
  if (bytes.size() != key_size) return std::nullopt;
  Key key;
  std::ranges::copy(bytes, key.begin());
  return key;
}

bool is_low_order(const Key& u) noexcept {
  Key masked = u;
  masked[31] &= 0x7f;
  return std::ranges::find(low_order, masked) != low_order.end();
}

std::optional<Key> montgomery_u(const Key& edwards) {
  const auto p = field_prime();
  const BignumContext context(BN_CTX_new());
  const auto y = number_of(edwards);
  const Bignum above(BN_new());
  const Bignum below(BN_new());
  if (!p || !context || !y || !above || !below || BN_cmp(y.get(), p.get()) >= 0) return std::nullopt;
  if (BN_mod_add(above.get(), BN_value_one(), y.get(), p.get(), context.get()) != 1 ||
      BN_mod_sub(below.get(), BN_value_one(), y.get(), p.get(), context.get()) != 1) {
    return std::nullopt;
  }
  return quotient(above.get(), below.get(), p.get(), context.get());
}

bool verify_ed25519(const Key& key, std::string_view message, std::string_view signature) {
  if (signature.size() != signature_size) return false;
  const auto free_key = [](EVP_PKEY* k) { EVP_PKEY_free(k); };
  const std::unique_ptr<EVP_PKEY, decltype(free_key)> pkey(
      EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, key.data(), key.size()), free_key);
  const auto free_context = [](EVP_MD_CTX* c) { EVP_MD_CTX_free(c); };
  const std::unique_ptr<EVP_MD_CTX, decltype(free_context)> context(EVP_MD_CTX_new(), free_context);
  if (!pkey || !context) return false;
  if (EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, pkey.get()) != 1) return false;
  return EVP_DigestVerify(context.get(), reinterpret_cast<const unsigned char*>(signature.data()), signature.size(),
                          reinterpret_cast<const unsigned char*>(message.data()), message.size()) == 1;
}

bool verify_curve25519(const Key& u, std::string_view message, std::string_view signature) {
  if (signature.size() != signature_size) return false;
  auto y = edwards_y(u);
  if (!y) return false;
  std::string plain(signature);
  const auto last = static_cast<unsigned char>(plain.back());
  (*y)[31] = static_cast<unsigned char>((*y)[31] | (last & 0x80));
  plain.back() = static_cast<char>(last & 0x7f);
  return verify_ed25519(*y, message, plain);
}

}  // namespace valise::modules::omemo_keys
