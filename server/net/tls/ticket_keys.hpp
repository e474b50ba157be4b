// Keys of the session tickets (RFC 5077, RFC 8446 §4.6.1): stateless resumption for all shards, with keys that no disk
// ever sees and that die after at most twice the rotation interval.
#pragma once

#include <openssl/evp.h>

#include <array>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <vector>

#include "base/clock.hpp"

namespace valise::net {

// Tickets are AES-256-CBC, then HMAC-SHA-256 (OpenSSL's callback offers no AEAD). Thread-safe; shared by all contexts
// and kept over certificate reloads.
class TicketKeys {
 public:
  static constexpr std::int64_t default_interval_ms = 6 * 3'600'000LL;  // so that a key lives 12 h

  // A key makes tickets for one interval and is accepted for one more. The clock is monotonic, in ms.
  explicit TicketKeys(
      std::int64_t interval_ms = default_interval_ms, std::function<std::int64_t()> clock = [] { return steady_ms(); });
  ~TicketKeys();
  TicketKeys(const TicketKeys&) = delete;
  TicketKeys& operator=(const TicketKeys&) = delete;

  [[nodiscard]] std::int64_t interval_ms() const noexcept { return interval_ms_; }
  // A new key now, as the passing of an interval makes one: after a suspicion.
  void rotate();

  // OpenSSL's ticket callback (SSL_CTX_set_tlsext_ticket_key_evp_cb): 1 use, 2 use and renew, 0 no ticket, -1 error.
  int prepare(unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* mac, bool encrypt);

 private:
  struct Key {
    std::array<unsigned char, 16> name{};
    std::array<unsigned char, 32> cipher{};
    std::array<unsigned char, 32> mac{};
    std::int64_t born_ms = 0;
  };
  void rotate_locked(std::int64_t now_ms);
  void drop_old_locked(std::int64_t now_ms);

  const std::int64_t interval_ms_;
  const std::function<std::int64_t()> clock_;
  std::mutex mutex_;       // guards keys_: taken once or twice a handshake
  std::vector<Key> keys_;  // the first makes tickets; at most two
};

}  // namespace valise::net
