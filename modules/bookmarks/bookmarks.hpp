// XEP-0402 with the older forms of bookmarks: XEP-0048 in PEP and in private XML.
#pragma once

#include "core/module.hpp"

namespace valise::modules {

[[nodiscard]] const core::Manifest& bookmarks_manifest();

}  // namespace valise::modules
