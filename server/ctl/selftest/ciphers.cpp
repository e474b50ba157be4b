#include "selftest/ciphers.hpp"

#include <openssl/evp.h>

#include <memory>

#include "base/crypto.hpp"

namespace valise::ctl::selftest {
namespace {

constexpr std::size_t tag_size = 16;

struct ContextFree {
  void operator()(EVP_CIPHER_CTX* context) const noexcept { EVP_CIPHER_CTX_free(context); }
};
using Context = std::unique_ptr<EVP_CIPHER_CTX, ContextFree>;

const unsigned char* bytes(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }
unsigned char* bytes(std::string& text) { return reinterpret_cast<unsigned char*>(text.data()); }

// Null: key or iv do not fit.
Context begun(const EVP_CIPHER* cipher, Direction direction, std::string_view key, std::string_view iv) {
  const auto fits = [](std::string_view text, int size) { return std::cmp_equal(text.size(), size); };
  if (cipher == nullptr || !fits(key, EVP_CIPHER_get_key_length(cipher)) ||
      !fits(iv, EVP_CIPHER_get_iv_length(cipher))) {
    return {};
  }
  Context context(EVP_CIPHER_CTX_new());
  if (!context ||
      EVP_CipherInit_ex(context.get(), cipher, nullptr, bytes(key), bytes(iv), static_cast<int>(direction)) != 1) {
    return {};
  }
  return context;
}

std::optional<std::string> finished(EVP_CIPHER_CTX* context, std::string_view text) {
  std::string out(text.size() + EVP_MAX_BLOCK_LENGTH, '\0');
  int most = 0;
  int rest = 0;
  if (EVP_CipherUpdate(context, bytes(out), &most, bytes(text), static_cast<int>(text.size())) != 1 ||
      EVP_CipherFinal_ex(context, bytes(out) + most, &rest) != 1) {
    return {};
  }
  out.resize(static_cast<std::size_t>(most + rest));
  return out;
}

std::optional<std::string> run(const EVP_CIPHER* cipher, Direction direction, std::string_view key, std::string_view iv,
                               std::string_view text) {
  const auto context = begun(cipher, direction, key, iv);
  return context ? finished(context.get(), text) : std::nullopt;
}

}  // namespace

std::optional<std::string> aes_cbc(Direction direction, std::string_view key, std::string_view iv,
                                   std::string_view text) {
  const auto* cipher = key.size() == 16 ? EVP_aes_128_cbc() : key.size() == 24 ? EVP_aes_192_cbc() : EVP_aes_256_cbc();
  return run(cipher, direction, key, iv, text);
}

std::optional<std::string> aes_ctr(Direction direction, std::string_view key, std::string_view iv,
                                   std::string_view text) {
  const auto* cipher = key.size() == 16 ? EVP_aes_128_ctr() : key.size() == 24 ? EVP_aes_192_ctr() : EVP_aes_256_ctr();
  return run(cipher, direction, key, iv, text);
}

std::optional<Tagged> seal_gcm(std::string_view key, std::string_view iv, std::string_view text) {
  const auto context = begun(EVP_aes_128_gcm(), Direction::encrypt, key, iv);
  if (!context) return {};
  auto ciphertext = finished(context.get(), text);
  std::string tag(tag_size, '\0');
  if (!ciphertext || EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_GET_TAG, tag_size, tag.data()) != 1) return {};
  return Tagged{std::move(*ciphertext), std::move(tag)};
}

std::optional<std::string> open_gcm(std::string_view key, std::string_view iv, const Tagged& sealed) {
  const auto context = begun(EVP_aes_128_gcm(), Direction::decrypt, key, iv);
  auto tag = sealed.tag;
  if (!context || tag.size() != tag_size ||
      EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_SET_TAG, tag_size, tag.data()) != 1) {
    return {};
  }
  return finished(context.get(), sealed.ciphertext);
}

std::string hkdf(std::string_view key, std::string_view salt, std::string_view info, std::size_t length) {
  auto pseudorandom = crypto::hmac(crypto::Hash::sha256, salt, key);
  std::string out;
  std::string block;
  for (unsigned char number = 1; out.size() < length; ++number) {
    block.append(info).push_back(static_cast<char>(number));
    block = crypto::hmac(crypto::Hash::sha256, pseudorandom, block);
    out += block;
  }
  out.resize(length);
  crypto::wipe(pseudorandom);
  return out;
}

}  // namespace valise::ctl::selftest
