#include "policy/facts.hpp"

#include <arpa/inet.h>

#include <cstring>

#include "policy/decision.hpp"

namespace valise::policy {
namespace {

constexpr std::array<unsigned char, 12> mapped_prefix{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

// RFC 6120 §8.3.3. Without gone and redirect, which carry an address, and undefined-condition.
constexpr StanzaError conditions[] = {
    {"bad-request", "modify"},
    {"conflict", "cancel"},
    {"feature-not-implemented", "cancel"},
    {"forbidden", "auth"},
    {"internal-server-error", "cancel"},
    {"item-not-found", "cancel"},
    {"jid-malformed", "modify"},
    {"not-acceptable", "modify"},
    {"not-allowed", "cancel"},
    {"not-authorized", "auth"},
    {"policy-violation", "modify"},
    {"recipient-unavailable", "wait"},
    {"registration-required", "auth"},
    {"remote-server-not-found", "cancel"},
    {"remote-server-timeout", "wait"},
    {"resource-constraint", "wait"},
    {"service-unavailable", "cancel"},
    {"subscription-required", "auth"},
    {"unexpected-request", "wait"},
};

}  // namespace

std::span<const StanzaError> stanza_errors() noexcept { return conditions; }

Event exact_event(Event event, std::string_view type, std::string_view payload) noexcept {
  if (event == Event::presence && (type.starts_with("subscribe") || type.starts_with("unsubscribe"))) {
    return Event::subscription;
  }
  // XEP-0384 §5.3.1, and its version 0.3
  const bool list = payload == "urn:xmpp:omemo:2:devices" || payload == "eu.siacs.conversations.axolotl.devicelist";
  return event == Event::publish && list ? Event::device : event;
}

std::optional<IpAddress> IpAddress::parse(std::string_view text) {
  char buffer[INET6_ADDRSTRLEN];
  if (text.empty() || text.size() >= sizeof buffer) return std::nullopt;
  std::memcpy(buffer, text.data(), text.size());
  buffer[text.size()] = '\0';
  IpAddress out;
  out.known = true;
  if (inet_pton(AF_INET6, buffer, out.bytes.data()) == 1) return out;
  if (inet_pton(AF_INET, buffer, out.bytes.data() + 12) != 1) return std::nullopt;
  std::memcpy(out.bytes.data(), mapped_prefix.data(), mapped_prefix.size());
  return out;
}

std::string IpAddress::text() const {
  if (!known) return {};
  char buffer[INET6_ADDRSTRLEN];
  const bool v4 = std::memcmp(bytes.data(), mapped_prefix.data(), mapped_prefix.size()) == 0;
  const char* done = v4 ? inet_ntop(AF_INET, bytes.data() + 12, buffer, sizeof buffer)
                        : inet_ntop(AF_INET6, bytes.data(), buffer, sizeof buffer);
  return done == nullptr ? std::string() : std::string(done);
}

IpAddress IpAddress::of_source(std::string_view text) {
  if (text.starts_with('[')) {
    const auto end = text.find(']');
    text = end == std::string_view::npos ? std::string_view() : text.substr(1, end - 1);
  } else if (const auto colon = text.find(':'); colon == text.rfind(':')) {
    text = text.substr(0, colon);
  }
  return parse(text).value_or(IpAddress{});
}

Party party_of(std::string_view bare, std::string_view resource) noexcept {
  return {bare, bare.substr(bare.find('@') + 1), resource};
}

std::string_view tls_number(std::string_view version) noexcept {
  constexpr std::string_view prefix = "TLSv";
  return version.starts_with(prefix) ? version.substr(prefix.size()) : version;
}

std::string lower_address(std::string_view jid) {
  std::string lower(jid);
  for (char& c : lower) {
    if (c == '/') break;
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  }
  return lower;
}

bool Decision::add_tag(std::string_view tag) noexcept {
  for (const auto have : added_tags()) {
    if (have == tag) return true;
  }
  if (tag_count == tags.size()) return false;
  tags[tag_count++] = tag;
  return true;
}

}  // namespace valise::policy
