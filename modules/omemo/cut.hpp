// Keys for devices that somebody took out of a device list (docs/sealed.md D6, D13). Nothing in a header is
// authenticated as a whole, so that they can go. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "core/stanza.hpp"

namespace valise::modules::omemo {

// The children of a sealed message or request as they go on without the keys for these devices of `account` (bare); a
// version without any key left goes whole. Nothing: there is none for them. A legacy header does not say whose device a
// number is: one that somebody else's device has, too, loses its key.
[[nodiscard]] std::optional<std::string> without_keys_for(const core::Stanza& stanza, std::string_view account,
                                                          std::span<const std::uint32_t> devices);

}  // namespace valise::modules::omemo
