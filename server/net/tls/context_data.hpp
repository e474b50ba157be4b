// What Valise hangs on an SSL_CTX. Private to net/tls.
#pragma once

#include <openssl/ssl.h>

#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "net/tls/openssl_ptr.hpp"
#include "net/tls/ticket_keys.hpp"

namespace valise::net {

// Owned by its SSL_CTX and freed with it, so that it lives as long as any connection that may still call back.
struct ContextData {
  std::string host;
  std::string alpn;  // wire form: length and name, repeated
  std::shared_ptr<TicketKeys> tickets;
  bool asks_clients = false;  // for a certificate
  bool requires_clients = false;
  // The default host's context alone: the others by lower-case name. It never names itself, so there is no cycle.
  std::unordered_map<std::string, SslContextPtr> others;
};

[[nodiscard]] ContextData* data_of(const SSL_CTX* context) noexcept;
[[nodiscard]] std::string_view host_of(const SSL_CTX* context) noexcept;

}  // namespace valise::net
