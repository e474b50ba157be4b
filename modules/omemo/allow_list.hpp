// What may stand in a message (docs/sealed.md 3.2, 3.3), a presence, a request: each is rebuilt from the table in
// table/. Whatever the table does not name does not exist on output. Pure. `switches`: of the sender's host.
#pragma once

#include <array>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "core/stanza.hpp"
#include "core/switches.hpp"
#include "modules/omemo/encrypted.hpp"
#include "modules/omemo/texts.hpp"

namespace valise::modules::omemo {

struct Rebuilt {
  std::string children;
  core::Seal seal;
  unsigned stripped = 0;  // children that were left out
  std::string detail;     // why an <encrypted/> is not valid: for the server's log, at level debug
  std::optional<Reason> refused;
  // Its seals: one of each version at most, in the order in which they stand.
  std::array<Envelope, 2> envelopes{};
  std::size_t envelope_count = 0;
  [[nodiscard]] std::span<const Envelope> seals() const { return {envelopes.data(), envelope_count}; }
};

// What stands outside the children (docs/sealed.md D12): an unknown type of a message, an id that is no token of at
// most 128 characters and a language that is no tag are taken away.
void canonicalise(core::Stanza& stanza);

// Decides on a message of a client, of any type but error.
[[nodiscard]] Rebuilt rebuild_message(const core::Stanza& message, core::Switches switches = {});

// docs/sealed.md D9: an error carries its condition and nothing else, so that it is no channel.
[[nodiscard]] std::string rebuild_error(const core::Stanza& stanza);

// docs/sealed.md 3.5: what of a presence of any type but error may pass; no unknown child.
[[nodiscard]] std::string rebuild_presence(const core::Stanza& presence, core::Switches switches = {});

// docs/sealed.md 3.5: what of one device's request to another, of two people or of one, passes; nothing if it is not
// offered here.
[[nodiscard]] std::optional<std::string> rebuild_request(const core::Stanza& iq);

// The same of an answer, whether or not it was asked for: by its namespace, or a bare error.
[[nodiscard]] std::optional<std::string> rebuild_answer(const core::Stanza& iq);

// Of an iq whose payload is a valid <encrypted xmlns='urn:xmpp:omemo:2'/>: the payload.
[[nodiscard]] std::optional<std::string> rebuild_envelope(const core::Stanza& iq);

// A valid one: the bytes that came in where they hold nothing that they need not (docs/sealed.md D1), else written anew
// without blanks.
void append_encrypted(std::string& out, xml::Element element);

}  // namespace valise::modules::omemo
