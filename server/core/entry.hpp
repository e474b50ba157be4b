// What a client may not say, in every mode (docs/security.md §2: forged carbons, archive results, PEP events, roster
// pushes).
#pragma once

#include "core/session.hpp"
#include "core/stanza.hpp"

namespace valise::core {

// Leaves out of a message what only a server may say: every occurrence, under any type. A message without such
// children stays as it is.
void remove_spoofed(Stanza& message);

// A roster push, or any roster request, to somebody else's client (CVE-2016-9928 and kin). What is sent to the account
// is no push: the server answers it.
[[nodiscard]] bool is_forged_push(const Stanza& iq, const Session& session);

}  // namespace valise::core
