// RFC 6121 §2, §3: the contact list and who may see whom.
#pragma once

#include "core/module.hpp"

namespace valise::modules {

[[nodiscard]] const core::Manifest& roster_manifest();

}  // namespace valise::modules
