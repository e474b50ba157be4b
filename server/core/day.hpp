// A day as people read it: "1 March 2027", "1er mars 2027".
#pragma once

#include <array>
#include <string>

#include "core/text.hpp"

namespace valise::core {

// `month`: 1 to 12.
[[nodiscard]] inline std::string day_text(int year, unsigned month, unsigned day, Language language) {
  static constexpr std::array<Text, 12> months{{{"January", "janvier"},
                                                {"February", "février"},
                                                {"March", "mars"},
                                                {"April", "avril"},
                                                {"May", "mai"},
                                                {"June", "juin"},
                                                {"July", "juillet"},
                                                {"August", "août"},
                                                {"September", "septembre"},
                                                {"October", "octobre"},
                                                {"November", "novembre"},
                                                {"December", "décembre"}}};
  const bool first = language == Language::french && day == 1;
  return std::to_string(day) + (first ? "er " : " ") + std::string(months[(month - 1) % 12].in(language)) + ' ' +
         std::to_string(year);
}

}  // namespace valise::core
