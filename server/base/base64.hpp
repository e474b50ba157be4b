// Base64 where nothing may be allocated; with strings: crypto.hpp.
#pragma once

#include <optional>
#include <span>
#include <string_view>

namespace valise::crypto {

// RFC 4648 §4, as strict as the other one, into `out`, which has room for 3 bytes of every 4 characters: how many there
// are. Where there is less room, nothing.
[[nodiscard]] std::optional<std::size_t> base64_decode(std::string_view text, std::span<char> out) noexcept;

}  // namespace valise::crypto
