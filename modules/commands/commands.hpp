// XEP-0050: commands that people run from their client; other modules declare them (command.hpp).
#pragma once

#include "core/module.hpp"

namespace valise::modules {

[[nodiscard]] const core::Manifest& commands_manifest();

}  // namespace valise::modules
