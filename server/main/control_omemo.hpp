// What valisectl asks about OMEMO devices and keys.
#pragma once

#include <span>

#include "main/control_request.hpp"

namespace valise {

// omemo.devices, omemo.approve, omemo.revoke, omemo.history, omemo.health
[[nodiscard]] std::span<const NamedCommand> omemo_commands();

}  // namespace valise
