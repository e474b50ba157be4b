#include "modules/external_services/service_list.hpp"

#include <algorithm>
#include <charconv>

namespace valise::modules::external_services {
namespace {

bool is_host(std::string_view text) {
  return !text.empty() && text.size() <= 255 && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '-';
  });
}

bool is_ipv6(std::string_view text) {
  return text.size() >= 2 && text.size() <= 45 && text.contains(':') && std::ranges::all_of(text, [](char c) {
           return (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F') || (c >= '0' && c <= '9') || c == ':' || c == '.';
         });
}

bool is_port(std::string_view text) {
  unsigned port = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), port);
  return problem == std::errc() && end == text.data() + text.size() && port >= 1 && port <= 65'535;
}

}  // namespace

std::optional<Service> parse_service(std::string_view uri) {
  Service service;
  const auto colon = uri.find(':');
  if (colon == std::string_view::npos) return std::nullopt;
  service.type = uri.substr(0, colon);
  if (service.type != "stun" && service.type != "stuns" && !service.is_relay()) return std::nullopt;
  if (service.is_relay() && service.type != "turn" && service.type != "turns") return std::nullopt;
  const bool tls = service.type.ends_with('s');
  service.port = tls ? "5349" : "3478";
  service.transport = tls ? "tcp" : "udp";
  auto rest = uri.substr(colon + 1);
  constexpr std::string_view transport = "?transport=";
  if (const auto query = rest.find('?'); query != std::string_view::npos) {
    if (!service.is_relay() || !rest.substr(query).starts_with(transport)) return std::nullopt;
    service.transport = rest.substr(query + transport.size());
    if (service.transport != "udp" && service.transport != "tcp") return std::nullopt;
    rest = rest.substr(0, query);
  }
  const bool bracket = rest.starts_with('[');
  const auto end = bracket ? rest.find(']') : rest.find(':');
  service.host = bracket ? rest.substr(1, end == std::string_view::npos ? end : end - 1) : rest.substr(0, end);
  if (bracket && end == std::string_view::npos) return std::nullopt;
  auto port = end == std::string_view::npos ? std::string_view() : rest.substr(end + (bracket ? 1 : 0));
  if (bracket ? !is_ipv6(service.host) : !is_host(service.host)) return std::nullopt;
  if (port.empty()) return service;
  if (!port.starts_with(':') || !is_port(port.substr(1))) return std::nullopt;
  service.port = port.substr(1);
  return service;
}

std::string check_service(std::string_view uri) {
  if (parse_service(uri)) return {};
  return "takes \"stun:HOST:PORT\" or \"turn:HOST:PORT?transport=udp\" (stuns:, turns: over TLS; tcp)";
}

}  // namespace valise::modules::external_services
