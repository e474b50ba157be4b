// XEP-0163: every account is a publish-subscribe service.
#pragma once

#include "core/module.hpp"

namespace valise::modules {

[[nodiscard]] const core::Manifest& pep_manifest();

}  // namespace valise::modules
