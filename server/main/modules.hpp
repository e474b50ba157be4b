#pragma once

#include <vector>

#include "core/module.hpp"

namespace valise {
// In the order in which they are started: who publishes a service stands before who asks for it.
[[nodiscard]] std::vector<const core::Manifest*> all_modules();
}  // namespace valise
