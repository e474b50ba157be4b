// XEP-0133: a host's administrators do from their client what valisectl does.
#pragma once

#include "core/module.hpp"

namespace valise::modules {

[[nodiscard]] const core::Manifest& administration_manifest();

}  // namespace valise::modules
