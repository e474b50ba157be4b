// What valisectl asks about accounts, their sessions and their clients.
#pragma once

#include <span>

#include "main/control_request.hpp"

namespace valise {

// user.…, session.…, client.…
[[nodiscard]] std::span<const NamedCommand> account_commands();

}  // namespace valise
