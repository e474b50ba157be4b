// ISO/IEC 15948 (PNG): a signature, then chunks of length, type, data and check sum.
#include <zlib.h>

#include <array>
#include <optional>
#include <string>
#include <utility>

#include "base/picture.hpp"
#include "base/picture_parts.hpp"

namespace valise::picture {
namespace {

constexpr std::size_t signature_size = 8;
constexpr std::size_t around_data = 12;           // bytes of a chunk beside its data
constexpr std::size_t longest_palette = 256 * 3;  // bytes
constexpr std::size_t most_unpacked = 64 * 1024;  // bytes of the image that are looked at

struct Header {
  std::uint32_t width = 0;
  std::uint32_t height = 0;
  std::uint32_t bits = 0;  // of a pixel
  bool interlaced = false;
  bool indexed = false;
};

// §11.2.2. Nothing: no such image.
std::optional<Header> read_header(std::string_view data) {
  if (data.size() != 13) return std::nullopt;
  Reading in(data);
  Header out;
  out.width = in.big(4);
  out.height = in.big(4);
  const auto depth = in.byte();
  const auto colour = in.byte();
  const auto compression = in.byte();
  const auto filter = in.byte();
  const auto interlace = in.byte();
  constexpr std::array<std::uint32_t, 7> channels{1, 0, 3, 1, 2, 0, 4};  // by colour type
  // Table 11.1: which depths go with it, a bit each.
  constexpr std::array<std::uint32_t, 7> depths{1 | 2 | 4 | 8 | 16, 0, 8 | 16, 1 | 2 | 4 | 8, 8 | 16, 0, 8 | 16};
  if (colour >= channels.size() || (depth & (depth - 1)) != 0 || (depths.at(colour) & depth) == 0) return std::nullopt;
  if (out.width == 0 || out.height == 0 || out.width > max_picture_side || out.height > max_picture_side) {
    return std::nullopt;
  }
  if (compression != 0 || filter != 0 || interlace > 1) return std::nullopt;
  out.bits = depth * channels.at(colour);
  out.interlaced = interlace == 1;
  out.indexed = colour == 3;
  return out;
}

// §7.2, §8.2: of all lines, each with a byte for its filter.
std::size_t unpacked_size(const Header& header) {
  const auto lines = [&](std::size_t width, std::size_t height) {
    return width == 0 ? 0 : height * (1 + (width * header.bits + 7) / 8);
  };
  if (!header.interlaced) return lines(header.width, header.height);
  struct Pass {
    std::uint32_t left, top, right, down;  // its first pixel, and the steps to the next ones
  };
  constexpr Pass passes[] = {{0, 0, 8, 8}, {4, 0, 8, 8}, {0, 4, 4, 8}, {2, 0, 4, 4},
                             {0, 2, 2, 4}, {1, 0, 2, 2}, {0, 1, 1, 2}};
  std::size_t total = 0;
  for (const auto& pass : passes) {
    const auto count = [](std::size_t size, std::size_t first, std::size_t step) {
      return size > first ? (size - first + step - 1) / step : 0;
    };
    total += lines(count(header.width, pass.left, pass.right), count(header.height, pass.top, pass.down));
  }
  return total;
}

struct Unpacked {
  std::string bytes;   // at most so many
  bool ended = false;  // there are no more, and nothing is behind the stream
};

// RFC 1950. Nothing: it is no such stream, is cut off, or something is behind it.
std::optional<Unpacked> unpack(std::string_view packed, std::size_t most) {
  z_stream stream{};
  if (inflateInit(&stream) != Z_OK) return std::nullopt;
  Unpacked out;
  out.bytes.resize(most);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));  // NOLINT: zlib's older interface
  stream.avail_in = static_cast<uInt>(packed.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.bytes.data());
  stream.avail_out = static_cast<uInt>(most);
  const auto result = inflate(&stream, Z_NO_FLUSH);
  const bool behind = stream.avail_in != 0;
  const bool filled = stream.avail_out == 0;
  out.bytes.resize(stream.total_out);
  inflateEnd(&stream);
  out.ended = result == Z_STREAM_END;
  if (out.ended ? behind : result != Z_OK || !filled) return std::nullopt;
  return out;
}

bool is_image(std::string_view packed, const Header& header) {
  const auto size = unpacked_size(header);
  const auto image = unpack(packed, most_unpacked);
  if (!image || (image->ended ? image->bytes.size() != size : image->bytes.size() > size)) return false;
  return !is_prose(image->bytes);
}

// §11.3.3.3: a name, then a packed colour profile. It counts as what it says.
bool allow_profile(std::string_view data, Tally& tally) {
  const auto end = data.substr(0, 80).find('\0');
  if (end == std::string_view::npos || end + 2 > data.size() || data[end + 1] != 0) return false;
  const auto profile = unpack(data.substr(end + 2), max_beside_picture + 1);
  return profile && profile->ended && tally.beside(data.substr(0, end)) && tally.beside(profile->bytes);
}

// Ancillary chunks. Texts that are packed (§11.3.4.4, §11.3.4.5) could be of any length.
bool allow_beside(std::string_view type, std::string_view data, std::string_view chunk, Tally& tally) {
  if (type == "zTXt") return false;
  if (type == "iTXt") {
    const auto end = data.find('\0');
    if (end == std::string_view::npos || end + 1 >= data.size() || data[end + 1] != 0) return false;
  }
  return type == "iCCP" ? allow_profile(data, tally) : tally.beside(chunk);
}

// §5.6: the order of the chunks that an image needs.
class Walk {
 public:
  // False: it has no place here.
  bool take(std::string_view type, std::string_view data, std::string_view chunk) {
    if (!header_) {
      header_ = type == "IHDR" ? read_header(data) : std::nullopt;
      return header_.has_value();
    }
    const bool image = type == "IDAT";
    if (!packed_.empty() && !image) behind_ = true;
    if (image) {
      packed_ += data;
      return !behind_ && palette_ == header_->indexed;
    }
    if (type == "PLTE") {
      const bool fits = !data.empty() && data.size() <= longest_palette && data.size() % 3 == 0;
      if (header_->indexed) palette_ = true;
      return fits && packed_.empty() && !std::exchange(palettes_, true) && !is_prose(data);
    }
    const bool ancillary = (type[0] & 0x20) != 0;  // §5.4
    return ancillary && allow_beside(type, data, chunk, tally_);
  }

  [[nodiscard]] bool ends() { return header_ && tally_.image(packed_) && is_image(packed_, *header_); }

 private:
  std::optional<Header> header_;
  std::string packed_;
  Tally tally_;
  bool palette_ = false;   // the one that an indexed image needs
  bool palettes_ = false;  // any
  bool behind_ = false;    // the image data are over
};

}  // namespace

bool is_whole_png(std::string_view bytes) {
  Reading in(bytes.substr(signature_size));
  Walk walk;
  while (in.good() && !in.at_end()) {
    const auto whole = in.rest();
    const auto length = in.big(4);
    const auto type = in.take(4);
    const auto data = in.take(length);
    const auto sum = in.big(4);
    if (!in.good()) return false;
    const auto covered = whole.substr(4, 4 + std::size_t{length});
    if (crc32(0, reinterpret_cast<const Bytef*>(covered.data()), static_cast<uInt>(covered.size())) != sum)
      return false;
    if (type == "IEND") return length == 0 && in.at_end() && walk.ends();
    if (!walk.take(type, data, whole.substr(0, around_data + length))) return false;
  }
  return false;
}

}  // namespace valise::picture
