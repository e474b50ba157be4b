// XEP-0030: what the server and its accounts are and can.
#pragma once

#include "core/module.hpp"

namespace valise::modules {

[[nodiscard]] const core::Manifest& disco_manifest();

}  // namespace valise::modules
