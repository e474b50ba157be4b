#pragma once

#include "core/module.hpp"

namespace valise::modules {
[[nodiscard]] const core::Manifest& policy_manifest();
}
