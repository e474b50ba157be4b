// What a picture is by its first bytes, whatever its sender calls it.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace valise {

// "image/png", "image/jpeg", "image/webp"; empty: none of these.
[[nodiscard]] std::string_view picture_type(std::string_view bytes) noexcept;

// Base64 with the blanks and line breaks that clients put into it; nothing if it is none.
[[nodiscard]] std::optional<std::string> decode_wrapped_base64(std::string_view text);

}  // namespace valise
