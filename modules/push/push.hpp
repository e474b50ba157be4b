// Tells devices that are away that something came, through a service that reaches them (XEP-0357).
#pragma once

#include "core/module.hpp"

namespace valise::modules {

[[nodiscard]] const core::Manifest& push_manifest();

}  // namespace valise::modules
