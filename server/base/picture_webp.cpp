// RFC 9649 (WebP): a RIFF file of chunks, each with four letters, its length and data of an even size.
#include "base/picture.hpp"
#include "base/picture_parts.hpp"

namespace valise::picture {
namespace {
using namespace std::string_view_literals;

constexpr std::size_t most_frames = 256;

bool has_size(std::uint32_t width, std::uint32_t height) {
  return width >= 1 && height >= 1 && width <= max_picture_side && height <= max_picture_side;
}

// RFC 6386 §9.1: a key frame.
bool is_lossy_image(std::string_view data) {
  Reading in(data);
  const auto tag = in.little(3);
  const auto start = in.take(3);
  const auto width = in.little(2) & 0x3fff;
  const auto height = in.little(2) & 0x3fff;
  return (tag & 1) == 0 && start == "\x9d\x01\x2a"sv && has_size(width, height) && tag >> 5 < in.rest().size();
}

// RFC 9649 §3.4
bool is_lossless_image(std::string_view data) {
  Reading in(data);
  const auto signature = in.byte();
  const auto bits = in.little(4);
  return signature == 0x2f && has_size((bits & 0x3fff) + 1, (bits >> 14 & 0x3fff) + 1) && bits >> 29 == 0 &&
         !in.at_end();
}

class Walk {
 public:
  // All chunks of a file, or of a frame of an animation.
  bool chunks(Reading in, bool in_frame) {
    while (!in.at_end()) {
      const auto whole = in.rest();
      const auto type = in.take(4);
      const auto length = in.little(4);
      const auto data = in.take(length);
      if ((length & 1) != 0 && in.byte() != 0) return false;
      if (!in.good()) return false;
      if (!take(type, data, whole.substr(0, 8 + std::size_t{length}), in_frame)) return false;
      first_ = false;
    }
    return in.good();
  }

  [[nodiscard]] bool ends() const { return images_ > 0 && (extended_ || images_ == 1); }

 private:
  bool take(std::string_view type, std::string_view data, std::string_view chunk, bool in_frame) {
    if (type == "VP8 "sv || type == "VP8L"sv) {
      const bool image = type == "VP8 "sv ? is_lossy_image(data) : is_lossless_image(data);
      return image && ++images_ <= most_frames && tally_.image(data);
    }
    if (type == "VP8X"sv) return first_ && !in_frame && extended(data);
    if (!extended_) return false;  // RFC 9649 §2.5, §2.6: the image and nothing else
    if (type == "ALPH"sv) return !data.empty() && tally_.image(data);
    if (type == "ANMF"sv) {
      constexpr std::size_t before_image = 16;
      return !in_frame && data.size() > before_image && chunks(Reading(data.substr(before_image)), true);
    }
    return tally_.beside(chunk);  // colours, Exif, XMP, animation, unknown ones
  }

  // RFC 9649 §2.7
  bool extended(std::string_view data) {
    Reading in(data);
    (void)in.little(4);  // what else there is
    const auto width = in.little(3) + 1;
    const auto height = in.little(3) + 1;
    extended_ = in.good() && in.at_end() && has_size(width, height);
    return extended_;
  }

  Tally tally_;
  bool first_ = true;
  bool extended_ = false;
  std::size_t images_ = 0;
};

}  // namespace

bool is_whole_webp(std::string_view bytes) {
  constexpr std::size_t before_size = 4;
  constexpr std::size_t before_chunks = 12;
  Reading in(bytes.substr(before_size));
  const auto size = in.little(4);
  Walk walk;
  return size == bytes.size() - 8 && walk.chunks(Reading(bytes.substr(before_chunks)), false) && walk.ends();
}

}  // namespace valise::picture
