// One endpoint: an application on a device, and the word in its address (UnifiedPush server specification, "Endpoint").
// A row of its account (DataKind::push). Pure.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

#include "core/jid/jid.hpp"
#include "core/stanza.hpp"
#include "xml/document.hpp"

namespace valise::modules::unified_push {

inline constexpr std::string_view ns_unified_push = "http://gultsch.de/xmpp/drafts/unified-push";
inline constexpr std::string_view row_prefix = "endpoint:";  // of the names of rows; the id follows
inline constexpr std::size_t id_bytes = 20;                  // random: 160 bits

struct Endpoint {
  std::string application, instance;  // base64 of 32 bytes each, as the distributor names them
  std::string agent, resource;        // the device: the id of its user agent, if it has said one; its resource
  std::int64_t expires_ms = 0;        // UTC
  // -- memory only
  std::int64_t debt = 0, charged_ms = 0;  // of its rate, in thousandths of a message
};

[[nodiscard]] std::string encode(const Endpoint& endpoint);
[[nodiscard]] std::optional<Endpoint> decode(std::string_view value);

// <register/>: application and instance. The error is what its sender gets.
[[nodiscard]] std::expected<Endpoint, core::StanzaError> read_register(xml::Element element);

// What stands in the address: account and id, sealed with the server's key, so that it can't be guessed and says
// nothing to the application's server. The same ones give the same word. Letters of base64url.
[[nodiscard]] std::string to_word(std::string_view secret, const core::Jid& account, std::string_view id);
struct Addressed {
  core::Jid account;
  std::string id;  // id_bytes
};
[[nodiscard]] std::optional<Addressed> from_word(std::string_view secret, std::string_view word);

}  // namespace valise::modules::unified_push
