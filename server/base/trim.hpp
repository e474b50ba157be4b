#pragma once

#include <string_view>

namespace valise {

inline constexpr std::string_view xml_blanks = " \t\r\n";  // XML 1.0 §2.3
inline constexpr std::string_view line_blanks = " \t";     // within a line: RFC 9110 §5.6.3

// `text` without the blanks around it.
[[nodiscard]] constexpr std::string_view trimmed(std::string_view text, std::string_view blanks = xml_blanks) noexcept {
  const auto first = text.find_first_not_of(blanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

}  // namespace valise
