// XEP-0049: private XML storage.
#pragma once

#include "core/module.hpp"

namespace valise::modules {

[[nodiscard]] const core::Manifest& private_storage_manifest();

}  // namespace valise::modules
