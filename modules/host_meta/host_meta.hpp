// XEP-0156: where browsers find a host's WebSocket and BOSH.
#pragma once

#include "core/module.hpp"

namespace valise::modules {

[[nodiscard]] const core::Manifest& host_meta_manifest();

}  // namespace valise::modules
