// XEP-0401 §5.2: the web page of an invitation.
#pragma once

#include "core/module.hpp"

namespace valise::modules {

[[nodiscard]] const core::Manifest& invitation_page_manifest();

}  // namespace valise::modules
