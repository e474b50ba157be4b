// XEP-0054: vcard-temp.
#pragma once

#include "core/module.hpp"

namespace valise::modules {

[[nodiscard]] const core::Manifest& vcard_manifest();

}  // namespace valise::modules
