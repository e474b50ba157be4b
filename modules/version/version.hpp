// XEP-0092: which software is this?
#pragma once

#include "core/module.hpp"

namespace valise::modules {

[[nodiscard]] const core::Manifest& version_manifest();

}  // namespace valise::modules
