#include "config/checks.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <optional>

#include "base/networks.hpp"

namespace valise::config {

namespace {

std::optional<unsigned> port_of(std::string_view text) {
  unsigned port = 0;
  const auto* end = text.data() + text.size();
  const auto [stop, fault] = std::from_chars(text.data(), end, port);
  return fault == std::errc() && stop == end && port <= 65535 ? std::optional(port) : std::nullopt;
}

bool is_bracketed(std::string_view text) { return text.size() > 2 && text.front() == '[' && text.back() == ']'; }

// `text` is_bracketed.
bool holds_ipv6(std::string_view text) {
  unsigned char bytes[16];
  return inet_pton(AF_INET6, std::string(text.substr(1, text.size() - 2)).c_str(), bytes) == 1;
}

}  // namespace

std::string check_listen_address(std::string_view text) {
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos) return "an address and a port, such as \"127.0.0.1:5222\"";
  if (!port_of(text.substr(colon + 1))) return "a port of 0 to 65535 after the last colon";
  const auto address = std::string(text.substr(0, colon));
  if (address == "*") return {};
  if (is_bracketed(address)) return holds_ipv6(address) ? "" : "an IPv6 address between the brackets";
  unsigned char bytes[4];
  if (inet_pton(AF_INET, address.c_str(), bytes) == 1) return {};
  return "a numeric address: 127.0.0.1, [::1] or *";
}

std::string check_host_port(std::string_view text) {
  if (text.empty()) return {};
  constexpr const char* wanted = "host:port or a host alone, such as \"xmpp.example.org:5222\", \"[2001:db8::1]:5222\"";
  auto host = text;
  if (const auto behind = text.rfind(']'), colon = text.rfind(':');
      colon != std::string_view::npos && (behind == std::string_view::npos || colon > behind)) {
    if (port_of(text.substr(colon + 1)).value_or(0) == 0) return wanted;
    host = text.substr(0, colon);
  }
  if (is_bracketed(host)) return holds_ipv6(host) ? "" : wanted;
  const bool plain = std::ranges::all_of(host, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.';
  });
  const bool name = plain && !host.empty() && host.size() <= 253 && !host.starts_with('.') && !host.starts_with('-');
  return name ? "" : wanted;
}

std::string check_loopback_address(std::string_view text) {
  if (auto wrong = check_listen_address(text); !wrong.empty()) return wrong;
  if (text.starts_with("127.") || text.starts_with("[::1]:")) return {};
  return "an address of this machine alone, such as 127.0.0.1:5280: there is no TLS";
}

std::string check_network(std::string_view text) {
  const auto added = Networks().add(text);
  return added ? std::string() : added.error().text;
}

std::string check_web_address(std::string_view text) {
  if (text.empty()) return {};
  constexpr std::string_view scheme = "https://";
  const auto host = text.starts_with(scheme) ? text.substr(scheme.size()) : std::string_view();
  const bool plain = std::ranges::all_of(host, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
           std::string_view("-.:[]").find(c) != std::string_view::npos;
  });
  return host.empty() || !plain ? "an address such as \"https://chat.example.org\", in lower case and without a path"
                                : std::string();
}

std::string check_origin(std::string_view text) {
  return text == "*" ? std::string() : text.empty() ? "an origin" : check_web_address(text);
}

std::string check_absolute_path(std::string_view text) {
  return text.empty() || text.starts_with('/') ? std::string() : std::string("an absolute path");
}

}  // namespace valise::config
