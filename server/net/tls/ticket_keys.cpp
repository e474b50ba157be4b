#include "net/tls/ticket_keys.hpp"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/params.h>

#include <algorithm>
#include <cstring>

#include "base/crypto.hpp"

namespace valise::net {
namespace {

// Fetched once: EVP_aes_256_cbc() would look for its implementation again in each handshake.
const EVP_CIPHER* ticket_cipher() {
  static const EVP_CIPHER* const cipher = EVP_CIPHER_fetch(nullptr, "AES-256-CBC", nullptr);
  return cipher;
}

constexpr std::size_t iv_size = 16;

}  // namespace

TicketKeys::TicketKeys(std::int64_t interval_ms, std::function<std::int64_t()> clock)
    : interval_ms_(interval_ms), clock_(std::move(clock)) {
  keys_.reserve(3);  // never moves: no copy of a key stays behind
  rotate_locked(clock_());
}

TicketKeys::~TicketKeys() { OPENSSL_cleanse(keys_.data(), keys_.size() * sizeof(Key)); }

void TicketKeys::rotate() {
  const std::lock_guard lock(mutex_);
  rotate_locked(clock_());
}

void TicketKeys::rotate_locked(std::int64_t now_ms) {
  Key key;
  crypto::random_bytes(key.name);
  crypto::random_bytes(key.cipher);
  crypto::random_bytes(key.mac);
  key.born_ms = now_ms;
  keys_.insert(keys_.begin(), key);
  OPENSSL_cleanse(&key, sizeof key);
  while (keys_.size() > 2) {
    OPENSSL_cleanse(&keys_.back(), sizeof(Key));
    keys_.pop_back();
  }
}

void TicketKeys::drop_old_locked(std::int64_t now_ms) {
  if (now_ms - keys_.front().born_ms >= interval_ms_) rotate_locked(now_ms);
  while (keys_.size() > 1 && now_ms - keys_.back().born_ms >= 2 * interval_ms_) {
    OPENSSL_cleanse(&keys_.back(), sizeof(Key));
    keys_.pop_back();
  }
}

int TicketKeys::prepare(unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* mac,
                        bool encrypt) {
  const std::lock_guard lock(mutex_);
  drop_old_locked(clock_());
  const Key* key = &keys_.front();
  if (encrypt) {
    std::memcpy(name, key->name.data(), key->name.size());
    crypto::random_bytes({iv, iv_size});
  } else {
    const auto found = std::ranges::find_if(
        keys_, [&](const Key& one) { return std::memcmp(one.name.data(), name, one.name.size()) == 0; });
    if (found == keys_.end()) return 0;  // an old key: a full handshake
    key = &*found;
  }
  auto* mac_key = const_cast<unsigned char*>(key->mac.data());  // OSSL_PARAM has no const form; it is only read
  char digest[] = "SHA256";
  const OSSL_PARAM parameters[] = {
      OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, mac_key, key->mac.size()),
      OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
      OSSL_PARAM_construct_end(),
  };
  if (EVP_MAC_CTX_set_params(mac, parameters) != 1 ||
      EVP_CipherInit_ex(cipher, ticket_cipher(), nullptr, key->cipher.data(), iv, encrypt ? 1 : 0) != 1) {
    return -1;
  }
  return encrypt || key == &keys_.front() ? 1 : 2;
}

}  // namespace valise::net
