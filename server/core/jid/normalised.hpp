// JIDs for those who know them as texts only (policies).
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/jid/jid.hpp"

namespace valise::core {

// The canonical text of a JID; nothing for what is none.
[[nodiscard]] inline std::optional<std::string> normalised(std::string_view text) {
  const auto jid = Jid::parse(text);
  return jid ? std::optional(jid->str()) : std::nullopt;
}

}  // namespace valise::core
