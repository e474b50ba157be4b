// What valisectl asks about the groups that policies name. Control threads.
#pragma once

#include <span>

#include "main/control_request.hpp"

namespace valise {

// group.list, group.show, group.add, group.remove
[[nodiscard]] std::span<const NamedCommand> group_commands();

// For status: the groups whose members are not known now, by name, with why and what holds meanwhile; empty: none, or
// the shard does not answer.
[[nodiscard]] Json silent_groups(const Request& request);

}  // namespace valise
