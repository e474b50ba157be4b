// What a picture is by its bytes, whatever its sender calls it. Pure.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace valise {

// By the first bytes: "image/png", "image/jpeg", "image/webp"; empty: none of these.
[[nodiscard]] std::string_view picture_type(std::string_view bytes) noexcept;

// The same of a file that is nothing but a picture: its whole structure is walked, nothing stands behind its end, what
// is not image data (place, camera, comments, colours) has at most max_beside_picture bytes, and nowhere is more text
// than max_text_in_picture. What the pixels show nobody can say. Empty: it is none.
[[nodiscard]] std::string_view whole_picture_type(std::string_view bytes);

inline constexpr std::size_t max_beside_picture = 4096;  // bytes
inline constexpr std::size_t max_text_in_picture = 512;  // bytes
inline constexpr std::size_t max_picture_side = 4096;    // pixels: a small file must not become a large picture

// Base64 with the blanks and line breaks that clients put into it; nothing if it is none.
[[nodiscard]] std::optional<std::string> decode_wrapped_base64(std::string_view text);

}  // namespace valise
