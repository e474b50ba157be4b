// Which clients have access to an account (XEP-0494), and their tokens (XEP-0484).
#pragma once

#include "core/module.hpp"

namespace valise::modules {

[[nodiscard]] const core::Manifest& clients_manifest();

}  // namespace valise::modules
