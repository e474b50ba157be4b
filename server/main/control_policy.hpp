// What valisectl asks about the administrator's rules. Control threads.
#pragma once

#include <span>

#include "main/control_request.hpp"

namespace valise {

[[nodiscard]] std::span<const NamedCommand> policy_commands();

// For status: the rules that overrun their budget repeatedly now, by name, with how often and where; empty: none, or a
// shard does not answer.
[[nodiscard]] Json overrunning_rules(const Request& request);

}  // namespace valise
