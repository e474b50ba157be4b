// XEP-0077: accounts that people make, change and remove themselves.
#pragma once

#include "core/module.hpp"

namespace valise::modules {

[[nodiscard]] const core::Manifest& registration_manifest();

}  // namespace valise::modules
