// What the values of permitted attributes and texts may be. All are short and have a form that prose has not.
#pragma once

#include <cstdint>
#include <string_view>

#include "core/text.hpp"
#include "xml/document.hpp"

namespace valise::modules::omemo {

using core::is_token;
// What software and machines are called: at most 64 bytes and four words, no control characters.
[[nodiscard]] bool is_name(std::string_view text);
// [A-Za-z0-9._-], not empty.
[[nodiscard]] bool is_plain_token(std::string_view text, std::size_t limit);
[[nodiscard]] bool is_number(std::string_view text, std::size_t digits);
[[nodiscard]] bool is_boolean(std::string_view text);
// XEP-0082 date and time.
[[nodiscard]] bool is_date(std::string_view text);
// BCP 47: a tag of at most 35 characters.
[[nodiscard]] bool is_language(std::string_view text);
// A JID of at most 256 bytes that is bare and has a local part: a person or a room.
[[nodiscard]] bool is_bare_address(std::string_view text);
// Of printable ASCII, or a blank.
[[nodiscard]] constexpr bool is_printable_character(unsigned char c) {
  return (c >= 0x20 && c < 0x7f) || c == '\n' || c == '\r' || c == '\t';
}
// At least 16 bytes, all of them printable ASCII or blanks: of true key material one of 10^6 is, of 32 bytes one of
// 10^13.
[[nodiscard]] bool is_printable(std::string_view bytes);
// A hash under a key that this process alone has (docs/sealed.md D3).
[[nodiscard]] std::uint64_t keyed_hash(std::string_view bytes);
// Neither children nor visible text.
[[nodiscard]] bool is_empty_element(xml::Element element);

}  // namespace valise::modules::omemo
