// Takes what applications' servers push (UnifiedPush) and hands it to the device that distributes it.
#pragma once

#include "core/module.hpp"

namespace valise::modules {

[[nodiscard]] const core::Manifest& unified_push_manifest();

}  // namespace valise::modules
