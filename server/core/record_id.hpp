// What a record keeps of a stanza's id.
#pragma once

#include <string>

#include "core/stanza.hpp"
#include "core/text.hpp"

namespace valise::core {

// The id, if it is a token of at most 128 characters (docs/sealed.md D12): a sentence is content, and no record has
// any.
[[nodiscard]] inline std::string id_for_record(const Stanza& stanza) {
  return is_token(stanza.id) ? stanza.id : std::string();
}

}  // namespace valise::core
