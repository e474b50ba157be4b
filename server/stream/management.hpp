// XEP-0198: its small words.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace valise::stream {

// An unsignedInt (0 to 2^32-1, digits only), else nothing.
[[nodiscard]] std::optional<std::uint32_t> parse_count(std::string_view text) noexcept;

// <failed/> with that stanza error's condition (§6); `h` where it is known (§5).
[[nodiscard]] std::string failed(std::string_view condition, std::optional<std::uint32_t> h = std::nullopt);

// <handled-count-too-high/> (§6).
[[nodiscard]] std::string handled_too_high(std::uint32_t h, std::uint32_t sent);

}  // namespace valise::stream
