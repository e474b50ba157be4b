// XEP-0191: whom an account neither hears from nor tells anything.
#pragma once

#include "core/module.hpp"

namespace valise::modules {

[[nodiscard]] const core::Manifest& blocking_manifest();

}  // namespace valise::modules
