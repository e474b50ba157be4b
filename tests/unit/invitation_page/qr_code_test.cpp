// Whether a decoder reads it: tests/protocol/invitation_page.py, and from a screen tests/clients/invitation_page.
#include "modules/invitation_page/qr_code.hpp"

#include <gtest/gtest.h>

namespace valise::modules::invitation_page {
namespace {

TEST(InvitationQrCode, HasItsQuietZoneAndALabel) {
  const auto svg = qr_code("xmpp:a", "code");
  EXPECT_NE(svg.find("viewBox=\"0 0 29 29\""), std::string::npos) << svg;  // version 1: 21 modules and 4 on each side
  EXPECT_NE(svg.find("d=\"M4 4h7v1h-7z"), std::string::npos) << "the edge of the first finder";
  EXPECT_NE(svg.find("role=\"img\""), std::string::npos);
  EXPECT_NE(svg.find("aria-label=\"code\""), std::string::npos);
}

TEST(InvitationQrCode, IsBounded) {
  EXPECT_EQ(qr_code("", "code"), "");
  EXPECT_NE(qr_code(std::string(666, 'a'), "code").find("viewBox=\"0 0 105 105\""), std::string::npos);  // version 20
  EXPECT_EQ(qr_code(std::string(667, 'a'), "code"), "");
  EXPECT_EQ(qr_code(std::string(10'000, 'a'), "code"), "");
}

}  // namespace
}  // namespace valise::modules::invitation_page
