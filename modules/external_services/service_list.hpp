// The services that an administrator names. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace valise::modules::external_services {

struct Service {
  std::string type;  // "stun", "stuns", "turn", "turns"
  std::string host;  // a name, or an address without brackets
  std::string port;
  std::string transport;  // "udp", "tcp"
  friend bool operator==(const Service&, const Service&) = default;

  // Whether it wants to know who comes.
  [[nodiscard]] bool is_relay() const noexcept { return type.starts_with("turn"); }
};

// RFC 7064, RFC 7065: "stun:example.org", "turns:[2001:db8::1]:5349?transport=tcp"; without a port 3478, or 5349 over
// TLS; without a transport UDP, or TCP over TLS. Nothing: it is none.
[[nodiscard]] std::optional<Service> parse_service(std::string_view uri);
// What is wrong with such a text, for the configuration; empty: nothing.
[[nodiscard]] std::string check_service(std::string_view uri);

}  // namespace valise::modules::external_services
