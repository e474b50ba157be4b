// An account's OMEMO devices under control (docs/sealed.md D13).
#pragma once

#include "core/module.hpp"

namespace valise::modules {

[[nodiscard]] const core::Manifest& omemo_devices_manifest();

}  // namespace valise::modules
