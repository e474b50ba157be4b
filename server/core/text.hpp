// What end users read comes in French and English; the stream's xml:lang chooses.
#pragma once

#include <string_view>

namespace valise::core {

enum class Language : unsigned char { english, french };

// "fr", "fr-CA" … → French; anything else the default.
[[nodiscard]] constexpr Language language_of(std::string_view tag, Language otherwise) noexcept {
  if (tag.size() < 2) return otherwise;
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
  const bool ends = tag.size() == 2 || tag[2] == '-';
  if (ends && lower(tag[0]) == 'f' && lower(tag[1]) == 'r') return Language::french;
  return Language::english;
}

[[nodiscard]] constexpr std::string_view tag_of(Language language) noexcept {
  return language == Language::french ? "fr" : "en";
}

// One sentence in both languages. Literals, or strings that outlive it.
struct Text {
  std::string_view english;
  std::string_view french;
  [[nodiscard]] constexpr std::string_view in(Language language) const noexcept {
    return language == Language::french && !french.empty() ? french : english;
  }
};

}  // namespace valise::core
