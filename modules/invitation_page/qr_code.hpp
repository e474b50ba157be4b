// A QR code (ISO/IEC 18004) as SVG, to stand inside HTML. Pure.
#pragma once

#include <string>
#include <string_view>

namespace valise::modules::invitation_page {

// Black on white, with the quiet zone; `label`, for those who don't see it, must be escaped. "" for what makes a code
// that no phone reads from a screen: more than version 20 (666 bytes).
[[nodiscard]] std::string qr_code(std::string_view content, std::string_view label);

}  // namespace valise::modules::invitation_page
