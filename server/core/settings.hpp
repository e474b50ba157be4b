// The configuration as the hot path needs it: plain values, resolved per host, one immutable snapshot behind a Ref.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/ref.hpp"
#include "core/label.hpp"
#include "core/switches.hpp"
#include "core/text.hpp"
#include "xml/stream_parser.hpp"

namespace valise::core {

struct HostSettings {
  std::string name;
  bool sealed = true;                // sealed.mode is not "off": what is kept and shown holds nothing in the clear
  Switches switches{};               // sealed.allow, sealed.deny
  Ref<const Labels> labels;          // labels.catalogue; null: there are none (XEP-0258)
  bool client_certificates = false;  // SASL EXTERNAL (XEP-0178)
  bool only_certificates = false;    // and nothing else
  bool email_names = false;          // a certificate without an XMPP address names an account by mail address
  bool archive = false;              // keep each message as rows, not only undelivered ones
  Language language = Language::english;
  std::int64_t password_minimum = 1;  // characters of a new one
  std::string resume_location;        // XEP-0198 §5; empty: any
};

struct TextHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const noexcept { return std::hash<std::string_view>()(text); }
};
template <class T>
using TextMap = std::unordered_map<std::string, T, TextHash, std::equal_to<>>;

struct Settings : RefCounted<Settings> {
  TextMap<HostSettings> hosts;
  std::string default_host;  // speaks where a client has named none
  bool audit = true;
  xml::StreamLimits limits_before_login{
      .stanza = 10'240, .token = 10'240, .depth = 8, .attributes = 16, .children = 64, .namespaces = 16};
  xml::StreamLimits limits{};
  std::size_t queue_bytes = 1'048'576;       // per connection
  std::size_t memory_before_login = 65'536;  // per connection, beside TLS
  std::int64_t bytes_per_second = 65'536;    // per connection, after log-in; 0: unlimited
  std::int64_t burst_bytes = 1'048'576;
  std::int64_t stanzas_per_second = 50;  // 0: unlimited
  std::int64_t burst_stanzas = 500;
  std::int64_t bytes_per_second_before_login = 8'192;
  std::int64_t tls_timeout_ms = 10'000;
  std::int64_t login_timeout_ms = 60'000;
  std::int64_t stanza_timeout_ms = 60'000;
  std::int64_t stanza_timeout_before_login_ms = 30'000;
  std::int64_t silence_ms = 300'000;  // then a ping (white space and, unanswered, the end)
  std::int64_t answer_timeout_ms = 30'000;
  std::int64_t resumption_ms = 3'600'000;    // XEP-0198 §5: after the end of its connection; 0: never
  std::uint32_t max_sessions = 20;           // of one account
  std::uint32_t max_unacknowledged = 1'000;  // stanzas of one session
  std::size_t max_unacknowledged_bytes = 4'194'304;
  std::uint32_t max_detached_of_account = 20;
  std::uint32_t max_detached = 100'000;  // in all
  std::uint32_t max_offline = 1'000;
  std::uint32_t roster_items = 3'000;
  std::uint32_t roster_groups = 64;
  std::uint32_t bad_logins_per_stream = 5;
  std::uint32_t bind_retries = 5;
  std::uint32_t connections = 200'000;  // in all
  std::uint32_t connections_per_address = 100;
  std::uint32_t new_connections_per_second = 20;  // of one address
  std::uint32_t unauthenticated = 2'000;          // in all
  std::uint32_t registrations_per_hour = 5;       // of one address, where a host allows registration at all
  unsigned scram_iterations = 10'000;

  [[nodiscard]] const HostSettings* host(std::string_view name) const {
    const auto found = hosts.find(name);
    return found == hosts.end() ? nullptr : &found->second;
  }
};

}  // namespace valise::core
