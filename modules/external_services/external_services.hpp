// XEP-0215: where calls find their STUN and TURN servers.
#pragma once

#include "core/module.hpp"

namespace valise::modules {

[[nodiscard]] const core::Manifest& external_services_manifest();

}  // namespace valise::modules
