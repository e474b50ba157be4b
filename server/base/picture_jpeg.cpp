// ITU-T T.81 (JPEG), annex B: markers, most of them with a segment of known length, and image data between them.
#include <bitset>

#include "base/picture.hpp"
#include "base/picture_parts.hpp"

namespace valise::picture {
namespace {

constexpr std::size_t most_scans = 100;  // progressive images have about ten
constexpr std::size_t most_quantization_tables = 4;
constexpr std::size_t most_huffman_tables = 64;  // eight a scan, and each scan may bring its own

class Walk {
 public:
  bool take(std::uint8_t marker, std::string_view data) {
    switch (marker) {
      case 0xc0:  // baseline, extended, progressive; the others no client shows
      case 0xc1:
      case 0xc2:
        return frame(data);
      case 0xc4:
        return huffman_tables(data);
      case 0xdb:
        return quantization_tables(data);
      case 0xdd:  // restart interval
        return data.size() == 2;
      case 0xda:
        return scan(data);
      default:
        // APP0 … APP15 and comments.
        return ((marker & 0xf0) == 0xe0 || marker == 0xfe) && tally_.beside(data);
    }
  }

  bool image(std::string_view data) { return !data.empty() && tally_.image(data); }
  [[nodiscard]] bool ends() const { return scans_ > 0; }

 private:
  // B.2.2
  bool frame(std::string_view data) {
    Reading in(data);
    const auto precision = in.byte();
    const auto height = in.big(2);
    const auto width = in.big(2);
    components_ = in.byte();
    const bool fits = components_ == 1 || components_ == 3 || components_ == 4;
    if (frame_ || !fits || precision != 8 || data.size() != 6U + 3U * components_) return false;
    if (width == 0 || height == 0 || width > max_picture_side || height > max_picture_side) return false;
    for (unsigned i = 0; i < components_; ++i) {
      (void)in.byte();  // its name
      const auto sampling = in.byte();
      const auto table = in.byte();
      const auto across = sampling >> 4;
      const auto down = sampling & 15;
      if (across < 1 || across > 4 || down < 1 || down > 4 || table > 3) return false;
    }
    return frame_ = true;
  }

  // B.2.4.1
  bool quantization_tables(std::string_view data) {
    Reading in(data);
    while (!in.at_end()) {
      const auto kind = in.byte();
      const auto table = in.take(kind >> 4 == 0 ? 64 : 128);
      if (!in.good() || kind >> 4 > 1 || (kind & 15) > 3 || ++quantization_ > most_quantization_tables) return false;
      if (is_prose(table)) return false;
    }
    return !data.empty();
  }

  // B.2.4.2. A table names each value once, so that it can't be a sentence.
  bool huffman_tables(std::string_view data) {
    Reading in(data);
    while (!in.at_end()) {
      const auto kind = in.byte();
      const auto counts = in.take(16);
      std::size_t codes = 0;
      std::size_t room = 1;  // codes of this length that are free
      for (const char c : counts) {
        const auto count = static_cast<std::uint8_t>(c);
        room *= 2;
        if (count > room) return false;
        room -= count;
        codes += count;
      }
      std::bitset<256> seen;
      for (const char c : in.take(codes)) {
        const auto value = static_cast<std::uint8_t>(c);
        if (seen.test(value)) return false;
        seen.set(value);
      }
      if (!in.good() || codes == 0 || (kind & 0xec) != 0 || ++huffman_ > most_huffman_tables) return false;
    }
    return !data.empty();
  }

  // B.2.3
  bool scan(std::string_view data) {
    const auto components = data.empty() ? 0U : static_cast<std::uint8_t>(data[0]);
    if (!frame_ || quantization_ == 0 || huffman_ == 0 || ++scans_ > most_scans) return false;
    return components >= 1 && components <= components_ && data.size() == 4 + 2 * components;
  }

  Tally tally_;
  unsigned components_ = 0;
  bool frame_ = false;
  std::size_t scans_ = 0;
  std::size_t quantization_ = 0;
  std::size_t huffman_ = 0;
};

// B.1.1.5: up to the next marker, but for those of restarts and the zero behind a byte that looks like one.
std::size_t length_of_image_data(std::string_view bytes) {
  for (std::size_t at = 0; at + 1 < bytes.size(); ++at) {
    const auto next = static_cast<std::uint8_t>(bytes[at + 1]);
    if (bytes[at] == '\xff' && next != 0 && (next & 0xf8) != 0xd0) return at;
  }
  return bytes.size();
}

}  // namespace

bool is_whole_jpeg(std::string_view bytes) {
  Reading in(bytes.substr(2));
  Walk walk;
  while (in.good() && !in.at_end()) {
    if (in.byte() != 0xff) return false;
    auto marker = in.byte();
    while (marker == 0xff) marker = in.byte();  // B.1.1.2: as many as one likes
    if (marker == 0xd9) return in.at_end() && walk.ends();
    const auto length = in.big(2);
    if (length < 2) return false;
    const auto data = in.take(length - 2);
    if (!in.good() || !walk.take(marker, data)) return false;
    if (marker == 0xda && !walk.image(in.take(length_of_image_data(in.rest())))) return false;
  }
  return false;
}

}  // namespace valise::picture
