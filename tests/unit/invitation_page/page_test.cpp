#include "modules/invitation_page/page.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace valise::modules::invitation_page {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

core::Invitations::Made made() {
  core::Invitations::Made made;
  made.token = "abc";
  made.uri = "xmpp:a.example?register;preauth=abc";
  made.invitation.host = "a.example";
  made.invitation.account = true;
  made.invitation.expires_ms = 1'780'272'000'000;  // 2026-06-01T00:00:00Z
  return made;
}

Reader reads(core::Language language, Platform platform = Platform::unknown) { return {language, platform}; }

TEST(InvitationPage, SaysUntilWhenInBothLanguages) {
  EXPECT_THAT(invitation_page(made(), {}, false, reads(core::Language::english)),
              HasSubstr(">1 June 2026, 00:00 (UTC)<"));
  EXPECT_THAT(invitation_page(made(), {}, false, reads(core::Language::french)),
              HasSubstr(">1er juin 2026 à 00:00 (UTC)<"));
}

TEST(InvitationPage, NothingFromOutsideIsMarkup) {
  auto hostile = made();
  hostile.invitation.inviter = R"(a"b<script>alert('x')</script>&%@a.example)";
  hostile.invitation.contact = true;
  hostile.invitation.name = "<b>";
  hostile.uri = R"(xmpp:a"onclick="b'<>&?register)";
  const std::vector<Client> clients{{"<i>Client</i>", "https://a.example/?a&b", {Platform::linux}, false}};
  const auto html = invitation_page(hostile, clients, true, reads(core::Language::english));
  EXPECT_THAT(html, Not(HasSubstr("<script")));
  EXPECT_THAT(html, Not(HasSubstr("\"onclick")));
  EXPECT_THAT(html, Not(HasSubstr("<b>")));
  EXPECT_THAT(html, Not(HasSubstr("<i>")));
  EXPECT_THAT(html, HasSubstr("a&quot;b&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;&amp;%@a.example"));
  EXPECT_THAT(html, HasSubstr(R"(href="https://a.example/?a&amp;b")"));
}

TEST(InvitationPage, ClientsOfTheVisitorsPlatformStandFirst) {
  const std::vector<Client> clients{{"Far", "https://far.example", {Platform::windows}, true},
                                    {"Near", "https://near.example", {Platform::linux, Platform::macos}, false},
                                    {"Best", "https://best.example", {Platform::linux}, true}};
  const auto here = invitation_page(made(), clients, false, reads(core::Language::english, Platform::linux));
  EXPECT_LT(here.find(">Best<"), here.find(">Near<")) << "it makes the account";
  EXPECT_LT(here.find(">Near<"), here.find(">Far<"));
  EXPECT_THAT(here, HasSubstr("For this device (Linux)"));
  auto for_contact = made();
  for_contact.invitation.account = false;
  const auto contact = invitation_page(for_contact, clients, false, reads(core::Language::english, Platform::linux));
  EXPECT_LT(contact.find(">Near<"), contact.find(">Best<")) << "the administrator's order";
  EXPECT_THAT(contact, Not(HasSubstr("makes the account")));
  const auto anywhere = invitation_page(made(), clients, false, reads(core::Language::english));
  EXPECT_THAT(anywhere, Not(HasSubstr("For this device")));
  EXPECT_THAT(invitation_page(made(), {}, false, reads(core::Language::english)), Not(HasSubstr("id=\"apps\"")));
}

TEST(InvitationPage, AnAddressThatIsTooLongHasNoCodeAndIsThere) {
  auto one = made();
  one.uri = "xmpp:" + std::string(2'000, 'a') + "@a.example?register;preauth=abc";
  const auto html = invitation_page(one, {}, false, reads(core::Language::english));
  EXPECT_THAT(html, Not(HasSubstr("<svg")));
  EXPECT_THAT(html, HasSubstr("<code>" + one.uri + "</code>"));
}

TEST(InvitationPage, ThePolicyLetsInItsOwnStyleAlone) {
  EXPECT_THAT(content_security_policy(), HasSubstr("default-src 'none'; style-src 'sha256-"));
  EXPECT_THAT(content_security_policy(), Not(HasSubstr("unsafe")));
  EXPECT_THAT(invitation_page(made(), {}, true, reads(core::Language::french)), Not(HasSubstr("style=")));
}

TEST(InvitationPage, WhyThereIsNoneIsSaidWithoutATrace) {
  EXPECT_EQ(status_of(Absence::unknown), 404U);
  EXPECT_EQ(status_of(Absence::over), 410U);
  EXPECT_EQ(status_of(Absence::too_many), 429U);
  EXPECT_EQ(status_of(Absence::unavailable), 503U);
  for (const auto absence : {Absence::unknown, Absence::over, Absence::too_many, Absence::unavailable}) {
    const auto english = absence_page(absence, "<a>", reads(core::Language::english));
    EXPECT_THAT(english, HasSubstr("&lt;a&gt;"));
    EXPECT_THAT(english, Not(HasSubstr("xmpp:")));
    EXPECT_NE(english, absence_page(absence, "<a>", reads(core::Language::french)));
  }
}

}  // namespace
}  // namespace valise::modules::invitation_page
