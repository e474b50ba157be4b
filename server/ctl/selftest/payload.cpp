#include "selftest/payload.hpp"

#include "base/crypto.hpp"
#include "selftest/ciphers.hpp"

namespace valise::ctl::selftest {
namespace {

constexpr std::size_t legacy_key = 16, legacy_iv = 12, key_2 = 32, authentication = 16;

// XEP-0384 0.3 §4.4: AES-128-GCM; the tag is not appended to the payload but to the key.
std::optional<Payload> seal_legacy(std::string_view text) {
  auto key = crypto::random_string(legacy_key);
  auto iv = crypto::random_string(legacy_iv);
  auto sealed = seal_gcm(key, iv, text);
  if (!sealed) return {};
  return Payload{std::move(sealed->ciphertext), std::move(iv), key + sealed->tag};
}

std::optional<std::string> open_legacy(const Payload& payload) {
  if (payload.key.size() != legacy_key + authentication) return {};
  const std::string_view key(payload.key);
  return open_gcm(key.substr(0, legacy_key), payload.iv, {payload.bytes, std::string(key.substr(legacy_key))});
}

// XEP-0384 0.9 §4.4: three secrets of 32, 32 and 16 bytes from one key.
struct Secrets {
  std::string all;
  [[nodiscard]] std::string_view encryption() const { return std::string_view(all).substr(0, 32); }
  [[nodiscard]] std::string_view authentication() const { return std::string_view(all).substr(32, 32); }
  [[nodiscard]] std::string_view iv() const { return std::string_view(all).substr(64, 16); }
};

Secrets secrets_of(std::string_view key) { return {hkdf(key, std::string(32, '\0'), "OMEMO Payload", 80)}; }

std::string mac(const Secrets& secrets, std::string_view ciphertext) {
  return crypto::hmac(crypto::Hash::sha256, secrets.authentication(), ciphertext).substr(0, authentication);
}

std::optional<Payload> seal_2(std::string_view text) {
  auto key = crypto::random_string(key_2);
  const auto secrets = secrets_of(key);
  auto ciphertext = aes_cbc(Direction::encrypt, secrets.encryption(), secrets.iv(), text);
  if (!ciphertext) return {};
  key += mac(secrets, *ciphertext);
  return Payload{std::move(*ciphertext), {}, std::move(key)};
}

std::optional<std::string> open_2(const Payload& payload) {
  if (payload.key.size() != key_2 + authentication) return {};
  const std::string_view key(payload.key);
  const auto secrets = secrets_of(key.substr(0, key_2));
  if (!crypto::equal(mac(secrets, payload.bytes), key.substr(key_2))) return {};
  return aes_cbc(Direction::decrypt, secrets.encryption(), secrets.iv(), payload.bytes);
}

}  // namespace

std::optional<Payload> seal_payload(Version version, std::string_view text) {
  return version == Version::legacy ? seal_legacy(text) : seal_2(text);
}

std::optional<std::string> open_payload(Version version, const Payload& payload) {
  return version == Version::legacy ? open_legacy(payload) : open_2(payload);
}

}  // namespace valise::ctl::selftest
