// What the profiles do to ASCII, as a table: nearly every JID is ASCII and never meets ICU.
#pragma once

#include <array>
#include <cstdint>

namespace valise::core::ascii {

enum Class : std::uint8_t {
  in_local = 1,     // RFC 6122 Appendix A after folding: visible, none of "&'/:<>@
  in_resource = 2,  // RFC 6122 Appendix B: visible, and space
  in_label = 4,     // letter, digit, hyphen (RFC 3490 §4.1, UseSTD3ASCIIRules)
  upper = 8,
};

inline constexpr std::array<std::uint8_t, 256> classes = [] {
  std::array<std::uint8_t, 256> table{};
  for (unsigned c = 0x20; c < 0x7f; ++c) {
    unsigned set = in_resource;
    const bool is_upper = c >= 'A' && c <= 'Z';
    const bool refused =
        c == ' ' || c == '"' || c == '&' || c == '\'' || c == '/' || c == ':' || c == '<' || c == '>' || c == '@';
    if (!refused) set |= in_local;
    if (is_upper) set |= upper;
    if (is_upper || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-') set |= in_label;
    table[c] = static_cast<std::uint8_t>(set);
  }
  return table;
}();

[[nodiscard]] inline std::uint8_t of(char c) noexcept { return classes[static_cast<unsigned char>(c)]; }
[[nodiscard]] inline bool is(char c) noexcept { return static_cast<unsigned char>(c) < 0x80; }
[[nodiscard]] inline char fold(char c) noexcept {
  return static_cast<char>(c | ((of(c) & upper) << 2));  // upper is 8; 'a' - 'A' is 32
}

}  // namespace valise::core::ascii
