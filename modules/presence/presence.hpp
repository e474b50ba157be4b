// RFC 6121 §4: who is available, and telling those who may know.
#pragma once

#include "core/module.hpp"

namespace valise::modules {

[[nodiscard]] const core::Manifest& presence_manifest();

}  // namespace valise::modules
