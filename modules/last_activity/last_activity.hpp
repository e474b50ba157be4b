// XEP-0012: since when somebody is away, since when the server runs.
#pragma once

#include "core/module.hpp"

namespace valise::modules {

[[nodiscard]] const core::Manifest& last_activity_manifest();

}  // namespace valise::modules
