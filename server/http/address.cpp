#include "http/address.hpp"

#include <algorithm>
#include <charconv>
#include <vector>

#include "base/trim.hpp"

namespace valise::http {
namespace {

std::string lower_case(std::string_view text) {
  std::string out(text);
  for (auto& c : out) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
  return out;
}

std::optional<unsigned> parse_port(std::string_view text) {
  unsigned value = 0;
  const auto* end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, value);
  if (text.empty() || error != std::errc() || rest != end || value > 65'535) return std::nullopt;
  return value;
}

// The elements of all fields of that name, in order.
std::vector<std::string_view> elements_of(const Request& request, std::string_view name) {
  std::vector<std::string_view> out;
  for (const auto& [field, value] : request.fields) {
    if (field != name) continue;
    std::size_t begin = 0;
    bool quoted = false;
    for (std::size_t i = 0; i <= value.size(); ++i) {
      if (i < value.size() && value[i] == '"') quoted = !quoted;
      if (i < value.size() && (value[i] != ',' || quoted)) continue;
      out.push_back(trimmed(std::string_view(value).substr(begin, i - begin), line_blanks));
      begin = i + 1;
    }
  }
  return out;
}

// RFC 7239 §4: a parameter of one element; quotes are taken off.
std::string_view parameter(std::string_view element, std::string_view name) {
  while (!element.empty()) {
    const auto semicolon = element.find(';');
    const auto pair = trimmed(element.substr(0, semicolon), line_blanks);
    element = semicolon == std::string_view::npos ? std::string_view() : element.substr(semicolon + 1);
    const auto equals = pair.find('=');
    if (equals == std::string_view::npos || lower_case(pair.substr(0, equals)) != name) continue;
    auto value = pair.substr(equals + 1);
    if (value.size() >= 2 && value.front() == '"' && value.back() == '"') value = value.substr(1, value.size() - 2);
    return value;
  }
  return {};
}

// "192.0.2.1:5", "[2001:db8::1]:5", "[2001:db8::1]" and bare ones.
std::string_view without_port(std::string_view node) {
  if (node.starts_with('[')) {
    const auto end = node.find(']');
    return end == std::string_view::npos ? node : node.substr(1, end - 1);
  }
  return std::ranges::count(node, ':') == 1 ? node.substr(0, node.find(':')) : node;
}

}  // namespace

std::optional<std::string> client_of(const Request& request, ProxyField field, const Networks& proxies) {
  const bool standard = field == ProxyField::forwarded;
  const auto elements = elements_of(request, standard ? "forwarded" : "x-forwarded-for");
  std::optional<std::string> nearest;
  for (auto element = elements.rbegin(); element != elements.rend(); ++element) {
    const auto node = standard ? parameter(*element, "for") : *element;
    const auto address = parse_ip(without_port(node));
    if (!address) return nearest;  // "unknown", "_hidden" or nonsense: nothing before it can be believed
    nearest = show(*address);
    if (!proxies.contains(*address)) return nearest;
  }
  return nearest;
}

std::string scheme_of(const Request& request, ProxyField field) {
  const bool standard = field == ProxyField::forwarded;
  const auto elements = elements_of(request, standard ? "forwarded" : "x-forwarded-proto");
  if (elements.empty()) return {};
  return lower_case(standard ? parameter(elements.back(), "proto") : elements.back());
}

std::optional<std::string> parse_origin(std::string_view text) {
  const auto separator = text.find("://");
  if (separator == std::string_view::npos || text.size() > 300) return std::nullopt;
  const auto scheme = lower_case(text.substr(0, separator));
  auto host = lower_case(text.substr(separator + 3));
  if (scheme.empty() || host.empty()) return std::nullopt;
  const auto letters = [](std::string_view part, std::string_view others) {
    return std::ranges::all_of(part, [&](char c) {
      return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || others.find(c) != std::string_view::npos;
    });
  };
  const auto colon = host.ends_with(']') ? std::string::npos : host.rfind(':');
  if (colon != std::string::npos) {
    const auto port = parse_port(std::string_view(host).substr(colon + 1));
    if (!port) return std::nullopt;
    const bool own = (scheme == "https" && *port == 443) || (scheme == "http" && *port == 80);
    host = host.substr(0, colon) + (own ? std::string() : ":" + std::to_string(*port));
  }
  if (!letters(scheme, "+-.") || !letters(host, "-._:[]") || host.front() == ':') return std::nullopt;
  return scheme + "://" + host;
}

}  // namespace valise::http
