// One device's wish to be told through a push service (XEP-0357 §5): a row of its account (DataKind::push). Pure.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

#include "core/jid/jid.hpp"
#include "core/stanza.hpp"
#include "xml/document.hpp"

namespace valise::modules::push {

inline constexpr std::string_view ns_push = "urn:xmpp:push:0";
inline constexpr std::string_view row_prefix = "node:";  // of the names of rows

struct Registration {
  core::Jid service;    // a full address: IQs to an account are the server's own to answer (RFC 6121 §8.5.2)
  std::string node;     // may be empty
  std::string options;  // the form of publish options as it is sent on, or ""
  // Which device: the id of its user agent, where it has said one, and its resource.
  std::string agent, resource;
  std::int64_t enabled_ms = 0;  // UTC

  // -- memory only
  std::size_t missed = 0;   // messages since the device was last there
  std::size_t told_of = 0;  // of these, at the last notification that came through
  core::Jid last_sender;

  // The same, but for when.
  [[nodiscard]] bool says_the_same(const Registration& other) const {
    return service == other.service && node == other.node && options == other.options && agent == other.agent &&
           resource == other.resource;
  }
};

// Names the row: one for each service and node (§5).
[[nodiscard]] std::string row_of(const core::Jid& service, std::string_view node);
[[nodiscard]] std::string encode(const Registration& registration);
[[nodiscard]] std::optional<Registration> decode(std::string_view value);

// <enable/>: service, node and options. What a client chose goes on to somebody else, so nodes and options are tokens:
// there is no room for prose (docs/sealed.md 3.5). The error is what its sender gets.
[[nodiscard]] std::expected<Registration, core::StanzaError> read_enable(xml::Element enable);

// <disable/>: of that service all, or with `node` one.
struct Disable {
  core::Jid service;
  std::optional<std::string> node;
};
[[nodiscard]] std::expected<Disable, core::StanzaError> read_disable(xml::Element disable);

}  // namespace valise::modules::push
