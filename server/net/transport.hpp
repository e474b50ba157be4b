// Bytes over a non-blocking socket. Plain today and OpenSSL; kernel TLS or an own record layer may follow.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

typedef struct ssl_st SSL;

namespace valise::net {

enum class IoStatus : std::uint8_t { ok, want_read, want_write, closed, failed };

struct IoResult {
  IoStatus status;
  std::size_t bytes = 0;
};

constexpr std::size_t handshake_memory = 48 * 1024;  // bytes that TLS holds until it is there, about

class Transport {
 public:
  virtual ~Transport() = default;
  virtual IoStatus handshake() = 0;  // ok when done
  // The next step of it may take longer than a turn should: it can run on any one thread, while nobody else calls.
  [[nodiscard]] virtual bool handshake_is_long() const { return false; }
  virtual IoResult read(char* buffer, std::size_t size) = 0;
  virtual IoResult write(const char* bytes, std::size_t size) = 0;
  // Something was read from the socket already and can be had without waiting for it.
  [[nodiscard]] virtual bool has_buffered() const = 0;
  virtual void shutdown() = 0;  // sends close_notify if it can be sent at once
  // Bytes that it holds, about (tests/unit/tls/memory_test.cpp).
  [[nodiscard]] virtual std::size_t memory() const noexcept { return 0; }
  [[nodiscard]] virtual SSL* ssl() noexcept { return nullptr; }
  [[nodiscard]] virtual std::string last_error() const { return {}; }
};

[[nodiscard]] std::unique_ptr<Transport> plain_transport(int fd);
// Takes `ssl` (from a TlsContexts snapshot, in accept state) and binds it to `fd`.
[[nodiscard]] std::unique_ptr<Transport> tls_transport(SSL* ssl, int fd);

}  // namespace valise::net
