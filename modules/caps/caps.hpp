// XEP-0115: what each client can do, learnt once a version.
#pragma once

#include "core/module.hpp"

namespace valise::modules {

[[nodiscard]] const core::Manifest& caps_manifest();

}  // namespace valise::modules
