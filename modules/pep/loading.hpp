#pragma once

#include <string>

#include "modules/pep/part.hpp"
#include "storage/store.hpp"

namespace valise::modules::pep {

// Fills the part of `owner` from the store; on a database thread.
[[nodiscard]] Result<> load_part(storage::Reader& reader, const std::string& owner, PepPart& part);

}  // namespace valise::modules::pep
