#include "base/crypto.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include <array>
#include <bit>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <stdexcept>

#include "base/base64.hpp"

namespace valise::crypto {
namespace {

const EVP_MD* algorithm(Hash hash) noexcept {
  switch (hash) {
    case Hash::sha1:
      return EVP_sha1();
    case Hash::sha256:
      return EVP_sha256();
    case Hash::sha512:
      return EVP_sha512();
  }
  return EVP_sha256();
}

const unsigned char* bytes(std::string_view text) noexcept {
  return reinterpret_cast<const unsigned char*>(text.data());
}

constexpr std::string_view base64_alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

// What each of a group's four characters adds to its three bytes, the first byte lowest.
static_assert(std::endian::native == std::endian::little);
constexpr std::uint32_t no_digit = 1u << 24;
constexpr std::array<std::array<std::uint32_t, 256>, 4> base64_shares = [] {
  std::array<std::array<std::uint32_t, 256>, 4> shares{};
  for (std::size_t place = 0; place < shares.size(); ++place) {
    shares[place].fill(no_digit);
    for (std::uint32_t i = 0; i < base64_alphabet.size(); ++i) {
      const std::uint32_t group = i << (18 - 6 * place);
      shares[place][static_cast<unsigned char>(base64_alphabet[i])] =
          (group >> 16 & 255) | (group & 0xff00) | (group & 255) << 16;
    }
  }
  return shares;
}();

}  // namespace

std::size_t digest_size(Hash hash) noexcept {
  switch (hash) {
    case Hash::sha1:
      return 20;
    case Hash::sha256:
      return 32;
    case Hash::sha512:
      return 64;
  }
  return 32;
}

std::string digest(Hash hash, std::string_view data) {
  std::string out(digest_size(hash), '\0');
  if (EVP_Digest(data.data(), data.size(), reinterpret_cast<unsigned char*>(out.data()), nullptr, algorithm(hash),
                 nullptr) != 1) {
    throw std::runtime_error("EVP_Digest failed");
  }
  return out;
}

std::array<unsigned char, 32> sha256(std::string_view data) {
  std::array<unsigned char, 32> out;
  if (EVP_Digest(data.data(), data.size(), out.data(), nullptr, EVP_sha256(), nullptr) != 1) {
    throw std::runtime_error("EVP_Digest failed");
  }
  return out;
}

std::string hmac(Hash hash, std::string_view key, std::string_view data) {
  std::string out(digest_size(hash), '\0');
  unsigned length = 0;
  if (HMAC(algorithm(hash), key.data(), static_cast<int>(key.size()), bytes(data), data.size(),
           reinterpret_cast<unsigned char*>(out.data()), &length) == nullptr) {
    throw std::runtime_error("HMAC failed");
  }
  return out;
}

std::string pbkdf2(Hash hash, std::string_view password, std::string_view salt, unsigned iterations,
                   std::size_t length) {
  std::string out(length == 0 ? digest_size(hash) : length, '\0');
  if (PKCS5_PBKDF2_HMAC(password.data(), static_cast<int>(password.size()), bytes(salt), static_cast<int>(salt.size()),
                        static_cast<int>(iterations), algorithm(hash), static_cast<int>(out.size()),
                        reinterpret_cast<unsigned char*>(out.data())) != 1) {
    throw std::runtime_error("PBKDF2 failed");
  }
  return out;
}

void random_bytes(std::span<unsigned char> out) {
  if (RAND_bytes(out.data(), static_cast<int>(out.size())) != 1) std::abort();
}

std::string random_string(std::size_t count) {
  std::string out(count, '\0');
  random_bytes({reinterpret_cast<unsigned char*>(out.data()), out.size()});
  return out;
}

std::string random_hex(std::size_t count) { return hex_encode(random_string(count)); }

bool equal(std::string_view a, std::string_view b) noexcept {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

std::string base64_encode(std::string_view data) {
  std::string out;
  out.reserve((data.size() + 2) / 3 * 4);
  const auto* in = bytes(data);
  std::size_t left = data.size();
  for (; left >= 3; left -= 3, in += 3) {
    const unsigned group = static_cast<unsigned>(in[0]) << 16 | static_cast<unsigned>(in[1]) << 8 | in[2];
    for (int shift = 18; shift >= 0; shift -= 6) out.push_back(base64_alphabet[group >> shift & 63]);
  }
  if (left != 0) {
    const unsigned group = static_cast<unsigned>(in[0]) << 16 | (left == 2 ? static_cast<unsigned>(in[1]) << 8 : 0u);
    out.push_back(base64_alphabet[group >> 18 & 63]);
    out.push_back(base64_alphabet[group >> 12 & 63]);
    out.push_back(left == 2 ? base64_alphabet[group >> 6 & 63] : '=');
    out.push_back('=');
  }
  return out;
}

std::optional<std::size_t> base64_decode(std::string_view text, std::span<char> out) noexcept {
  if (text.size() % 4 != 0 || out.size() < text.size() / 4 * 3) return std::nullopt;
  std::size_t padding = 0;
  while (padding < 2 && padding < text.size() && text[text.size() - 1 - padding] == '=') ++padding;
  const auto* in = bytes(text);
  const auto* const whole = in + (text.size() - (padding == 0 ? 0 : 4));
  auto* to = out.data();
  std::uint32_t wrong = 0;  // asked once, at the end
  const auto& [first, second, third, fourth] = base64_shares;
  const auto decode = [&](std::size_t bytes) {
    const std::uint32_t group = first[in[0]] | second[in[1]] | third[in[2]] | fourth[in[3]];
    wrong |= group;
    std::memcpy(to, &group, bytes);
    in += 4;
    to += 3;
  };
  while (whole - in > 4) decode(4);  // the last byte is the next group's first
  if (in != whole) decode(3);
  if (padding != 0) {
    const std::uint32_t group = first[in[0]] | second[in[1]] | (padding == 2 ? 0 : third[in[2]]);
    wrong |= group;
    const std::uint32_t unused = group >> (padding == 2 ? 8 : 16);  // RFC 4648 §3.5: bits that no byte takes
    if (unused != 0) return std::nullopt;
    std::memcpy(to, &group, 3 - padding);
  }
  if ((wrong & no_digit) != 0) return std::nullopt;
  return text.size() / 4 * 3 - padding;
}

std::optional<std::string> base64_decode(std::string_view text) {
  std::string out(text.size() / 4 * 3, '\0');
  const auto size = base64_decode(text, out);
  if (!size) return std::nullopt;
  out.resize(*size);
  return out;
}

std::string hex_encode(std::string_view data) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string out;
  out.reserve(data.size() * 2);
  for (const char c : data) {
    out.push_back(digits[static_cast<unsigned char>(c) >> 4]);
    out.push_back(digits[static_cast<unsigned char>(c) & 15]);
  }
  return out;
}

std::optional<std::string> hex_decode(std::string_view text) {
  if (text.size() % 2 != 0) return std::nullopt;
  const auto value = [](char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
  };
  std::string out;
  out.reserve(text.size() / 2);
  for (std::size_t i = 0; i < text.size(); i += 2) {
    const int high = value(text[i]);
    const int low = value(text[i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    out.push_back(static_cast<char>(high << 4 | low));
  }
  return out;
}

void wipe(std::string& secret) noexcept {
  OPENSSL_cleanse(secret.data(), secret.size());
  secret.clear();
}

namespace {
constexpr std::size_t key_size = 32, nonce_size = 12, tag_size = 16;
using Cipher = std::unique_ptr<EVP_CIPHER_CTX, decltype([](EVP_CIPHER_CTX* cipher) { EVP_CIPHER_CTX_free(cipher); })>;

unsigned char* bytes(std::string& text) noexcept { return reinterpret_cast<unsigned char*>(text.data()); }
}  // namespace

std::string seal(std::string_view key, std::string_view nonce, std::string_view text) {
  if (key.size() != key_size || nonce.size() != nonce_size) throw std::logic_error("seal: key or nonce");
  const Cipher cipher(EVP_CIPHER_CTX_new());
  std::string out(text.size(), '\0');
  std::string tag(tag_size, '\0');
  int written = 0;
  const bool done =
      cipher && EVP_EncryptInit_ex(cipher.get(), EVP_aes_256_gcm(), nullptr, bytes(key), bytes(nonce)) == 1 &&
      EVP_EncryptUpdate(cipher.get(), bytes(out), &written, bytes(text), static_cast<int>(text.size())) == 1 &&
      EVP_EncryptFinal_ex(cipher.get(), bytes(tag), &written) == 1 &&
      EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_GCM_GET_TAG, tag_size, bytes(tag)) == 1;
  if (!done) throw std::runtime_error("AES-256-GCM failed");
  return out + tag;
}

std::optional<std::string> open(std::string_view key, std::string_view nonce, std::string_view sealed) {
  if (key.size() != key_size || nonce.size() != nonce_size || sealed.size() < tag_size) return std::nullopt;
  const auto text = sealed.substr(0, sealed.size() - tag_size);
  std::string tag(sealed.substr(text.size()));
  const Cipher cipher(EVP_CIPHER_CTX_new());
  std::string out(text.size(), '\0');
  std::string rest(tag_size, '\0');
  int written = 0;
  const bool done =
      cipher && EVP_DecryptInit_ex(cipher.get(), EVP_aes_256_gcm(), nullptr, bytes(key), bytes(nonce)) == 1 &&
      EVP_DecryptUpdate(cipher.get(), bytes(out), &written, bytes(text), static_cast<int>(text.size())) == 1 &&
      EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_GCM_SET_TAG, tag_size, tag.data()) == 1 &&
      EVP_DecryptFinal_ex(cipher.get(), bytes(rest), &written) == 1;
  if (!done) return std::nullopt;
  return out;
}

}  // namespace valise::crypto
