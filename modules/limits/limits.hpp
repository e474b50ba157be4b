// XEP-0478: what a stream may carry, told before somebody finds out.
#pragma once

#include "core/module.hpp"

namespace valise::modules {

[[nodiscard]] const core::Manifest& limits_manifest();

}  // namespace valise::modules
