#include "base/picture_parts.hpp"

#include <bitset>

#include "base/picture.hpp"

namespace valise::picture {
namespace {

bool is_letter(std::uint8_t c) { return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'); }
bool is_printable(std::uint8_t c) { return (c >= 0x20 && c < 0x7f) || c == '\n' || c == '\r' || c == '\t'; }

// Of the character of UTF-8 that `text` begins with; 0: none, or one that is not printable. Overlong forms and
// surrogates count as characters: whoever writes such means to be read.
std::size_t length_of_character(std::string_view text) {
  const auto lead = static_cast<std::uint8_t>(text[0]);
  if (lead < 0x80) return is_printable(lead) ? 1 : 0;
  const std::size_t length = lead < 0xc2 ? 0 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : lead < 0xf5 ? 4 : 0;
  if (length > text.size()) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((static_cast<std::uint8_t>(text[i]) & 0xc0) != 0x80) return 0;
  }
  return length;
}

}  // namespace

std::string_view Reading::take(std::size_t size) {
  if (size > rest_.size()) {
    good_ = false;
    rest_ = {};
    return {};
  }
  const auto taken = rest_.substr(0, size);
  rest_.remove_prefix(size);
  return taken;
}

std::uint8_t Reading::byte() {
  const auto one = take(1);
  return one.empty() ? 0 : static_cast<std::uint8_t>(one[0]);
}

std::uint32_t Reading::big(std::size_t bytes) {
  std::uint32_t out = 0;
  for (const char c : take(bytes)) out = out << 8 | static_cast<std::uint8_t>(c);
  return out;
}

std::uint32_t Reading::little(std::size_t bytes) {
  std::uint32_t out = 0;
  unsigned shift = 0;
  for (const char c : take(bytes)) {
    out |= static_cast<std::uint32_t>(static_cast<std::uint8_t>(c)) << shift;
    shift += 8;
  }
  return out;
}

bool Tally::beside(std::string_view bytes) {
  beside_ += bytes.size();
  return beside_ <= max_beside_picture && image(bytes);
}

bool Tally::image(std::string_view bytes) {
  text_ += bytes_of_text(bytes);
  return text_ <= max_text_in_picture;
}

std::size_t bytes_of_text(std::string_view bytes) {
  constexpr std::size_t shortest_run = 16;
  constexpr std::size_t fewest_values = 9;
  std::size_t total = 0;
  std::size_t run = 0;
  std::bitset<256> values;
  const auto end_run = [&] {
    if (run >= shortest_run && values.count() >= fewest_values) total += run;
    run = 0;
    values.reset();
  };
  for (std::size_t at = 0; at < bytes.size();) {
    if (bytes[at] == '\0') {
      ++at;  // UTF-16
      continue;
    }
    const auto length = length_of_character(bytes.substr(at));
    if (length == 0) end_run();
    for (std::size_t i = 0; i < length; ++i) values.set(static_cast<std::uint8_t>(bytes[at + i]));
    run += length;
    at += length == 0 ? 1 : length;
  }
  end_run();
  return total;
}

bool is_prose(std::string_view bytes) {
  std::size_t blanks = 0;
  std::size_t letters = 0;
  std::size_t printable = 0;
  for (const char c : bytes) {
    const auto value = static_cast<std::uint8_t>(c);
    blanks += value == ' ' ? 1 : 0;
    letters += is_letter(value) ? 1 : 0;
    printable += is_printable(value) ? 1 : 0;
  }
  return bytes.size() >= 64 && blanks * 20 >= bytes.size() && letters * 10 >= bytes.size() * 6 &&
         printable * 10 >= bytes.size() * 9;
}

}  // namespace valise::picture
