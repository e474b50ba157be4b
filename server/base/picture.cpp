#include "base/picture.hpp"

#include "base/crypto.hpp"
#include "base/picture_parts.hpp"

namespace valise {

std::string_view picture_type(std::string_view bytes) noexcept {
  using namespace std::string_view_literals;
  if (bytes.starts_with("\x89PNG\r\n\x1a\n"sv)) return "image/png";
  if (bytes.starts_with("\xff\xd8\xff"sv)) return "image/jpeg";
  if (bytes.starts_with("RIFF"sv) && bytes.size() > 12 && bytes.substr(8, 4) == "WEBP"sv) return "image/webp";
  return {};
}

std::string_view whole_picture_type(std::string_view bytes) {
  const auto type = picture_type(bytes);
  const bool whole = type == "image/png"    ? picture::is_whole_png(bytes)
                     : type == "image/jpeg" ? picture::is_whole_jpeg(bytes)
                                            : type == "image/webp" && picture::is_whole_webp(bytes);
  return whole ? type : std::string_view();
}

std::optional<std::string> decode_wrapped_base64(std::string_view text) {
  std::string compact;
  compact.reserve(text.size());
  for (const char c : text) {
    if (c != ' ' && c != '\n' && c != '\r' && c != '\t') compact.push_back(c);
  }
  return crypto::base64_decode(compact);
}

}  // namespace valise
