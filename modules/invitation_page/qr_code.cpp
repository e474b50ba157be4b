#include "modules/invitation_page/qr_code.hpp"

#include <qrencode.h>

#include <memory>

namespace valise::modules::invitation_page {
namespace {

constexpr int quiet = 4;  // modules around it, ISO/IEC 18004 §6.3.8
constexpr int largest_version = 20;
constexpr std::size_t longest = 666;  // bytes of version 20 with level M

// The dark modules as one path of rows: "M4 4h7v1h-7z".
std::string path_of(const QRcode& code) {
  std::string path;
  for (int y = 0; y < code.width; ++y) {
    const auto* row = code.data + static_cast<std::ptrdiff_t>(y) * code.width;
    for (int x = 0; x < code.width;) {
      const int begin = x;
      while (x < code.width && (row[x] & 1U) != 0) ++x;
      if (x == begin) {
        ++x;
        continue;
      }
      const auto length = std::to_string(x - begin);
      path += 'M';
      path += std::to_string(begin + quiet);
      path += ' ';
      path += std::to_string(y + quiet);
      path += 'h';
      path += length;
      path += "v1h-";
      path += length;
      path += 'z';
    }
  }
  return path;
}

}  // namespace

std::string qr_code(std::string_view content, std::string_view label) {
  if (content.empty() || content.size() > longest) return {};
  struct Free {
    void operator()(QRcode* code) const { QRcode_free(code); }
  };
  const std::unique_ptr<QRcode, Free> code(QRcode_encodeData(
      static_cast<int>(content.size()), reinterpret_cast<const unsigned char*>(content.data()), 0, QR_ECLEVEL_M));
  if (code == nullptr || code->version > largest_version) return {};
  const auto side = std::to_string(code->width + 2 * quiet);
  std::string svg = "<svg xmlns=\"http://www.w3.org/2000/svg\" role=\"img\" viewBox=\"0 0 " + side + ' ' + side +
                    "\" shape-rendering=\"crispEdges\" aria-label=\"";
  svg += label;
  svg += "\"><path fill=\"#fff\" d=\"M0 0h" + side + 'v' + side + "H0z\"/><path fill=\"#000\" d=\"" + path_of(*code) +
         "\"/></svg>";
  return svg;
}

}  // namespace valise::modules::invitation_page
