#pragma once

#include <vector>

#include "config/findings.hpp"
#include "core/module.hpp"

namespace valise {
// In the order in which they are started: who publishes a service stands before who asks for it.
[[nodiscard]] std::vector<const core::Manifest*> all_modules();
// Asks every module that can tell whether this configuration would work (a policy file with an error, for example).
[[nodiscard]] config::Findings check_modules(const config::Snapshot& config);
}  // namespace valise
