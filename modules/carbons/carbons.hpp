// XEP-0280: what one device of an account gets or sends, its others see.
#pragma once

#include "core/module.hpp"

namespace valise::modules {

[[nodiscard]] const core::Manifest& carbons_manifest();

}  // namespace valise::modules
