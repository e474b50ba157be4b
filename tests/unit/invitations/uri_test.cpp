#include "modules/invitations/uri.hpp"

#include <gtest/gtest.h>

namespace valise::modules::invitations {
namespace {

TEST(InvitationUri, IsWrittenAsXep0401Says) {
  const core::Invitation contact{.host = "example.com", .inviter = "romeo@example.com", .contact = true};
  EXPECT_EQ(uri_of(contact, "TOKEN"), "xmpp:romeo@example.com?roster;preauth=TOKEN");
  auto both = contact;
  both.account = true;
  EXPECT_EQ(uri_of(both, "TOKEN"), "xmpp:romeo@example.com?roster;preauth=TOKEN;ibr=y");
  const core::Invitation named{
      .host = "example.com", .inviter = "romeo@example.com", .name = "juliet", .account = true, .contact = true};
  EXPECT_EQ(uri_of(named, "TOKEN"), "xmpp:juliet@example.com?register;preauth=TOKEN");
  const core::Invitation open{.host = "example.com", .account = true};
  EXPECT_EQ(uri_of(open, "TOKEN"), "xmpp:example.com?register;preauth=TOKEN");
}

TEST(InvitationUri, EscapesWhatAnAddressMayHoldAndAUriMayNot) {
  const core::Invitation named{.host = "ex\xc3\xa4mple.com", .name = "a?b#c%d;e", .account = true};
  EXPECT_EQ(uri_of(named, "TOKEN"), "xmpp:a%3Fb%23c%25d%3Be@ex%C3%A4mple.com?register;preauth=TOKEN");
}

}  // namespace
}  // namespace valise::modules::invitations
