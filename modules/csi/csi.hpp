// XEP-0352: a client says that nobody looks at it, and what can wait does.
#pragma once

#include "core/module.hpp"

namespace valise::modules {

[[nodiscard]] const core::Manifest& csi_manifest();

}  // namespace valise::modules
