// What the administrator's rules say to a stream that has no session yet: log-in, bind, registration.
#pragma once

#include <string>
#include <vector>

#include "core/services.hpp"
#include "core/shard.hpp"
#include "stream/wire.hpp"

namespace valise::stream {

// "192.0.2.1:5", "[2001:db8::1]:5": as records name it; without a port where a proxy tells none.
[[nodiscard]] std::string source_of(Wire& wire);

// Asks the shard's rules; `tags` get what they add. A denial is on its way into the log when this returns; the answer
// to the client is the caller's.
[[nodiscard]] core::RuleAnswer ask_rules(core::Shard& shard, Wire& wire, core::RuleQuestion::Event event,
                                         const core::Jid& who, std::string_view mechanism, core::Language language,
                                         std::vector<std::string>& tags);

}  // namespace valise::stream
