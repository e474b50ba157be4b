// XEP-0258: classification labels outside of the seal.
#pragma once

#include "core/module.hpp"

namespace valise::modules {

[[nodiscard]] const core::Manifest& labels_manifest();

}  // namespace valise::modules
