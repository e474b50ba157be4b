// XEP-0202: what time is it there?
#pragma once

#include "core/module.hpp"

namespace valise::modules {

[[nodiscard]] const core::Manifest& time_manifest();

}  // namespace valise::modules
