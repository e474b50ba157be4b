// What valisectl asks about messages that a rule holds back. Control threads.
#pragma once

#include <span>

#include "main/control_request.hpp"

namespace valise {

// held.list, held.release
[[nodiscard]] std::span<const NamedCommand> held_commands();

// For status: when the first comes, as far as is known; empty: none is held back.
[[nodiscard]] std::string held_until(const Request& request);

}  // namespace valise
