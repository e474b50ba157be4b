// XEP-0377: what people report of those whom they block, for the administrators.
#pragma once

#include "core/module.hpp"

namespace valise::modules {

[[nodiscard]] const core::Manifest& reports_manifest();

}  // namespace valise::modules
