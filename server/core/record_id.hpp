// What a record keeps of a stanza's id.
#pragma once

#include <algorithm>
#include <string>

#include "core/stanza.hpp"

namespace valise::core {

// The id, if it is a token of at most 128 characters (docs/sealed.md D12): a sentence is content, and no record has
// any.
[[nodiscard]] inline std::string id_for_record(const Stanza& stanza) {
  const auto& id = stanza.id;
  const bool token = id.size() <= 128 && std::ranges::all_of(id, [](char c) { return c > ' ' && c < 0x7f; });
  return token ? id : std::string();
}

}  // namespace valise::core
