// XEP-0084, XEP-0153 and XEP-0398: one picture of an account, whichever way it is published or asked for.
#pragma once

#include "core/module.hpp"

namespace valise::modules {

[[nodiscard]] const core::Manifest& avatars_manifest();

}  // namespace valise::modules
