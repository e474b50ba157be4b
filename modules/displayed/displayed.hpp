// XEP-0490: how far a person has read, the same on all of its devices.
#pragma once

#include "core/module.hpp"

namespace valise::modules {

[[nodiscard]] const core::Manifest& displayed_manifest();

}  // namespace valise::modules
