// What of a card is kept where only sealed content passes (docs/sealed.md 3.5): the directory's fields and a picture,
// written anew. Pure.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

#include "core/text.hpp"
#include "xml/document.hpp"

namespace valise::modules::vcard {

inline constexpr std::string_view ns_vcard = "vcard-temp";
inline constexpr std::string_view ns_vcard4 = "urn:ietf:params:xml:ns:vcard-4.0";  // PEP keeps those (pep/allow_list)
inline constexpr std::size_t max_value = 128;                                      // bytes of one value
inline constexpr std::size_t max_fields = 4 * 1024;       // bytes of all fields but the picture
inline constexpr std::size_t max_photo = 64 * 1024;       // bytes of the picture
inline constexpr std::size_t max_free_card = 128 * 1024;  // of a card that is kept as it is

enum class CardFault : std::uint8_t { value, photo, size };
[[nodiscard]] core::Text describe(CardFault fault) noexcept;
[[nodiscard]] std::string_view reason_of(CardFault fault) noexcept;  // for the record

// FN, N, NICKNAME, ORG, TITLE, ROLE, EMAIL, TEL and PHOTO; what else stands there is left out. Empty: nothing is left.
// A value that is too long or has markup, and a picture that is none, refuse the whole: their owner can mend them.
[[nodiscard]] std::expected<std::string, CardFault> allowed_card(xml::Element card);
// The picture of a card that was kept by one of these functions, apart from the rest.
struct Picture {
  std::string card{};   // without it; empty: nothing is left
  std::string bytes{};  // empty: it is none that an avatar may be (too large, of another type, somewhere else)
  bool there = false;
};
[[nodiscard]] Picture split_picture(std::string_view card);
// A card with that <PHOTO/>; `card` may be empty.
[[nodiscard]] std::string with_photo(std::string_view card, std::string_view photo);
// As it is.
[[nodiscard]] std::expected<std::string, CardFault> free_card(xml::Element card);

}  // namespace valise::modules::vcard
