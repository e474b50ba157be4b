// XEP-0313: what an account sent and received, kept and shown again.
#pragma once

#include "core/module.hpp"

namespace valise::modules {

[[nodiscard]] const core::Manifest& archive_manifest();

}  // namespace valise::modules
