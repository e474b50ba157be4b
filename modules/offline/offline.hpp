// XEP-0160: messages that wait for a person who is away.
#pragma once

#include "core/module.hpp"

namespace valise::modules {

[[nodiscard]] const core::Manifest& offline_manifest();

}  // namespace valise::modules
