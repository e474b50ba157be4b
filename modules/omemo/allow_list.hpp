// What may stand in a message (docs/sealed.md 3.2, 3.3): one table, and a message that is rebuilt from it. Whatever the
// table does not name does not exist on output. Pure.
#pragma once

#include <optional>
#include <string>

#include "core/stanza.hpp"
#include "modules/omemo/texts.hpp"

namespace valise::modules::omemo {

struct Rebuilt {
  std::string children;
  core::Seal seal;
  unsigned stripped = 0;  // children that were left out
  std::string detail;     // why an <encrypted/> is not valid: for the log
  std::optional<Reason> refused;
};

// What stands outside the children (docs/sealed.md D12): an unknown type of a message, an id that is no token of at most 128 characters
// and a language that is no tag are taken away.
void canonicalise(core::Stanza& stanza);

// Decides on a message of a client, of any type but error.
[[nodiscard]] Rebuilt rebuild_message(const core::Stanza& message);

// docs/sealed.md D9: an error carries its condition and nothing else, so that it is no channel.
[[nodiscard]] std::string rebuild_error(const core::Stanza& stanza);

// docs/sealed.md 3.5: what of an available or subscription presence may pass; no status, no unknown child.
[[nodiscard]] std::string rebuild_presence(const core::Stanza& presence);

// docs/sealed.md 3.5: which requests one person's client may send to another's. Others are not offered here.
[[nodiscard]] bool may_pass_request(const core::Stanza& iq);

// What an answer between two people may carry: the payload of a request that may pass, or a bare error.
[[nodiscard]] bool may_pass_answer(const core::Stanza& iq);

}  // namespace valise::modules::omemo
