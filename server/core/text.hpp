// What end users read comes in French and English; the stream's xml:lang chooses.
#pragma once

#include <cstddef>
#include <string_view>

namespace valise::core {

enum class Language : unsigned char { english, french };

// RFC 6120 §4.7.4: "fr-CA" finds French (RFC 4647 §3.4); a language that is not spoken here, or none, is `otherwise`.
[[nodiscard]] constexpr Language language_of(std::string_view tag, Language otherwise) noexcept {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
  if (tag.size() < 2 || (tag.size() > 2 && tag[2] != '-')) return otherwise;
  if (lower(tag[0]) == 'f' && lower(tag[1]) == 'r') return Language::french;
  if (lower(tag[0]) == 'e' && lower(tag[1]) == 'n') return Language::english;
  return otherwise;
}

// Whether it has the shape of a language tag (RFC 5646 §2.1): subtags of 1 to 8 letters and digits; 35 bytes at most.
[[nodiscard]] constexpr bool is_language_tag(std::string_view text) noexcept {
  if (text.empty() || text.size() > 35) return false;
  std::size_t length = 0;  // of the subtag
  for (const char c : text) {
    const bool alphanumeric = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
    if (c == '-' ? length == 0 : !alphanumeric || length == 8) return false;
    length = c == '-' ? 0 : length + 1;
  }
  return length != 0;
}

// Printable ASCII without blanks, or nothing (docs/sealed.md D12): no sentence.
[[nodiscard]] constexpr bool is_token(std::string_view text, std::size_t limit = 128) noexcept {
  if (text.size() > limit) return false;
  for (const char c : text) {
    if (c <= ' ' || c >= 0x7f) return false;
  }
  return true;
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
