// XEP-0199: is the server there?
#pragma once

#include "core/module.hpp"

namespace valise::modules {

[[nodiscard]] const core::Manifest& ping_manifest();

}  // namespace valise::modules
