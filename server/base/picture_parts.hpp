// What the walks through PNG, JPEG and WebP have in common.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace valise::picture {

[[nodiscard]] bool is_whole_png(std::string_view bytes);   // ISO/IEC 15948
[[nodiscard]] bool is_whole_jpeg(std::string_view bytes);  // ITU-T T.81
[[nodiscard]] bool is_whole_webp(std::string_view bytes);  // RFC 9649

// Reads forward. What goes beyond the end is 0 or empty, and makes it bad for ever.
class Reading {
 public:
  explicit Reading(std::string_view bytes) : rest_(bytes) {}

  [[nodiscard]] std::string_view take(std::size_t size);
  [[nodiscard]] std::uint8_t byte();
  [[nodiscard]] std::uint32_t big(std::size_t bytes);     // an unsigned number, the highest byte first
  [[nodiscard]] std::uint32_t little(std::size_t bytes);  // the lowest first
  [[nodiscard]] std::string_view rest() const { return rest_; }
  [[nodiscard]] bool at_end() const { return rest_.empty(); }
  [[nodiscard]] bool good() const { return good_; }

 private:
  std::string_view rest_;
  bool good_ = true;
};

// How much of a file is not image data, and how much of all of it is text. False: from now on it is too much.
class Tally {
 public:
  [[nodiscard]] bool beside(std::string_view bytes);
  [[nodiscard]] bool image(std::string_view bytes);

 private:
  std::size_t beside_ = 0;
  std::size_t text_ = 0;
};

// Bytes that stand in runs of text: UTF-8, or UTF-16 of ASCII. A run has at least 16 bytes, nine of them different:
// what an encoder makes of an even surface repeats itself within fewer.
[[nodiscard]] std::size_t bytes_of_text(std::string_view bytes);

// Letters with blanks between them, as samples of an image are not.
[[nodiscard]] bool is_prose(std::string_view bytes);

}  // namespace valise::picture
