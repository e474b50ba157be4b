// Small pictures: whole ones, made of their parts.
#pragma once

#include <zlib.h>

#include <cstdint>
#include <random>
#include <string>
#include <string_view>

namespace valise::tests {

inline std::string noise(std::size_t size, unsigned seed = 1) {
  std::mt19937 generator(seed);
  std::string out;
  while (out.size() < size) out.push_back(static_cast<char>(generator() % 255));  // never 0xff, a marker of JPEG
  return out;
}

inline std::string big(std::uint32_t value, unsigned bytes = 4) {
  std::string out;
  for (unsigned i = bytes; i-- > 0;) out.push_back(static_cast<char>(value >> (8 * i)));
  return out;
}

inline std::string little(std::uint32_t value, unsigned bytes = 4) {
  const auto out = big(value, bytes);
  return {out.rbegin(), out.rend()};
}

// ---- PNG

inline std::string chunk(std::string_view type, std::string_view data) {
  const auto covered = std::string(type) + std::string(data);
  const auto sum = crc32(0, reinterpret_cast<const Bytef*>(covered.data()), static_cast<uInt>(covered.size()));
  return big(static_cast<std::uint32_t>(data.size())) + covered + big(static_cast<std::uint32_t>(sum));
}

// RFC 1950; level 0: as it is.
inline std::string packed(std::string_view bytes, int level = 6) {
  auto size = compressBound(bytes.size());
  std::string out(size, '\0');
  compress2(reinterpret_cast<Bytef*>(out.data()), &size, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size(),
            level);
  out.resize(size);
  return out;
}

inline const std::string png_signature = "\x89PNG\r\n\x1a\n";

struct Png {
  std::uint32_t width = 8;
  std::uint32_t height = 8;
  int depth = 8;
  int colour = 0;
  int interlace = 0;

  [[nodiscard]] std::string header() const {
    const char more[] = {static_cast<char>(depth), static_cast<char>(colour), 0, 0, static_cast<char>(interlace)};
    return chunk("IHDR", big(width) + big(height) + std::string(more, sizeof more));
  }
};

// Grey, of noise. `before`, `behind`: chunks around the image data.
inline std::string png(std::uint32_t side = 8, std::string_view before = {}, std::string_view behind = {}) {
  std::string lines;
  for (std::uint32_t i = 0; i < side; ++i) lines += '\0' + noise(side, i + side);
  return png_signature + Png{side, side}.header() + std::string(before) + chunk("IDAT", packed(lines)) +
         std::string(behind) + chunk("IEND", {});
}

// ---- JPEG

inline std::string segment(int marker, std::string_view data) {
  return std::string("\xff") + static_cast<char>(marker) + big(static_cast<std::uint32_t>(data.size() + 2), 2) +
         std::string(data);
}

inline std::string jpeg_tables() {
  const std::string two_codes = std::string("\0\2", 2) + std::string(14, '\0') + std::string("\1\2", 2);
  return segment(0xdb, std::string(1, '\0') + std::string(64, '\1')) +
         segment(0xc4, std::string(1, '\0') + two_codes + "\x10" + two_codes);
}
inline std::string jpeg_frame(int width = 8, int height = 8) {
  return segment(0xc0, "\x08" + big(static_cast<std::uint32_t>(height), 2) + big(static_cast<std::uint32_t>(width), 2) +
                           std::string("\1\1\x11\0", 4));
}
inline std::string jpeg_scan() { return segment(0xda, std::string("\1\1\0\0\x3f\0", 6)); }

inline std::string jpeg(std::size_t image_bytes = 40, std::string_view before = {}, std::string_view behind = {}) {
  return "\xff\xd8" + std::string(before) + jpeg_tables() + jpeg_frame() + jpeg_scan() + noise(image_bytes) +
         std::string(behind) + "\xff\xd9";
}
// Of exactly so many bytes.
inline std::string jpeg_of(std::size_t size) { return jpeg(size - jpeg(0).size()); }

// ---- WebP

inline std::string riff_chunk(std::string_view type, std::string_view data) {
  auto out = std::string(type) + little(static_cast<std::uint32_t>(data.size())) + std::string(data);
  if (data.size() % 2 != 0) out.push_back('\0');
  return out;
}
inline std::string riff(std::string_view chunks) {
  return "RIFF" + little(static_cast<std::uint32_t>(chunks.size() + 4)) + "WEBP" + std::string(chunks);
}
inline std::string lossless(std::size_t image_bytes = 40) {
  return riff_chunk("VP8L", "\x2f" + little(7 | 7 << 14) + noise(image_bytes));
}
inline std::string webp_extended() { return riff_chunk("VP8X", little(0) + little(7, 3) + little(7, 3)); }
inline std::string webp(std::size_t image_bytes = 40) { return riff(lossless(image_bytes)); }

}  // namespace valise::tests
