#pragma once

#include <string_view>

#include "core/stanza.hpp"

namespace valise::core {

// RFC 6121 §8.5.2.2, XEP-0160 §3, XEP-0334, docs/sealed.md D10: is this message worth keeping for somebody who is away?
// What is not waits for nobody: it is delivered while its record is being written. Pure.
struct Storable {
  bool store = false;
  std::string_view reason;  // the rule that decided: for record, log and tests
  bool for_good = true;     // false: for whoever is away, not for an archive (<no-permanent-store/>, Flow::sealing)
};
[[nodiscard]] Storable storable(const Stanza& message);

// D10, XEP-0357: is it something that a person who is away wants to be told of? A sealed payload, a body, or a call;
// nothing that is not stored. Pure.
[[nodiscard]] bool tells_of(const Stanza& message, const Storable& storable);

// That the recipient's devices ring (XEP-0353, XEP-0482). Pure.
[[nodiscard]] bool begins_call(const Stanza& message);

}  // namespace valise::core
