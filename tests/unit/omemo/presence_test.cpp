// docs/sealed.md 3.5: presence.
#include <gtest/gtest.h>

#include "samples.hpp"

namespace valise::modules::omemo {
namespace {
using namespace samples;

std::string of(std::string_view children, std::string_view attributes = {}) {
  return rebuild_presence(
      *stanza_of("<presence" + std::string(attributes) + ">" + std::string(children) + "</presence>"));
}

TEST(Presence, KeepsWhatHasAForm) {
  const std::string caps =
      "<c xmlns='http://jabber.org/protocol/caps' hash='sha-1' node='https://gajim.org' "
      "ver='9VqTMSkgCeNjPkre3AkO3UTE0UY='/>";
  const std::string idle = "<idle xmlns='urn:xmpp:idle:1' since='2026-11-24T10:00:00.000+01:00'/>";
  const std::string photo =
      "<x xmlns='vcard-temp:x:update'><photo>01b87fcd030b72895ff8e88db57ec525450f000d</photo></x>";
  EXPECT_EQ(of("<show>xa</show>"), "<show>xa</show>");
  EXPECT_EQ(of("<priority>-128</priority>"), "<priority>-128</priority>");
  EXPECT_EQ(of(caps), caps);
  EXPECT_EQ(of(idle), idle);
  EXPECT_EQ(of(photo), photo);
  EXPECT_EQ(of("<x xmlns='vcard-temp:x:update'/>"), "<x xmlns='vcard-temp:x:update'/>");
  EXPECT_EQ(of("<x xmlns='vcard-temp:x:update'><photo/></x>"), "<x xmlns='vcard-temp:x:update'><photo/></x>");
  EXPECT_EQ(of("<nick xmlns='http://jabber.org/protocol/nick'>Romeo</nick>", " type='subscribe'"),
            "<nick xmlns='http://jabber.org/protocol/nick'>Romeo</nick>");
  EXPECT_EQ(of("<preauth xmlns='urn:xmpp:pars:0' token='a2b-c.D_'>hi</preauth>", " type='subscribe'"),
            "<preauth xmlns='urn:xmpp:pars:0' token='a2b-c.D_'/>");
  EXPECT_EQ(of("<show>xa</show><priority>-128</priority>" + caps + idle + photo),
            "<show>xa</show><priority>-128</priority>" + caps + idle + photo);
}

TEST(Presence, SaysNothing) {
  for (const auto* children :
       {"see you", "<status>see you</status>", "<status xml:lang='fr'>see you</status>", "<show>see you</show>",
        "<show>away<b/>see you</show>", "<priority>see you</priority>", "<priority>-</priority>",
        "<priority>1234</priority>", "<priority/>", "<preauth xmlns='urn:xmpp:pars:0' token='abc'/>",
        "<nick xmlns='http://jabber.org/protocol/nick'>see you</nick>", "<x xmlns='urn:x'>see you</x>",
        "<c xmlns='http://jabber.org/protocol/caps' node='see you at five' hash='sha-1' "
        "ver='9VqTMSkgCeNjPkre3AkO3UTE0UY='/>",
        "<c xmlns='http://jabber.org/protocol/caps' node='http://a' hash='see you' "
        "ver='9VqTMSkgCeNjPkre3AkO3UTE0UY='/>",
        "<c xmlns='http://jabber.org/protocol/caps' node='http://a' hash='sha-1' ver='see-you-at-five'/>",
        // 16 bytes under the name of a hash of 20; 20 bytes that are a text.
        "<c xmlns='http://jabber.org/protocol/caps' node='http://a' hash='sha-1' ver='AAECAwQFBgcICQoLDA0ODw=='/>",
        "<c xmlns='http://jabber.org/protocol/caps' node='http://a' hash='sha-1' ver='c2VlIHlvdSBhdCBmaXZlIC4uLi4='/>",
        "<c xmlns='http://jabber.org/protocol/caps' node='http://a' ver='1.0' ext='see you'/>",
        "<c xmlns='http://jabber.org/protocol/caps'>see you</c>",
        "<idle xmlns='urn:xmpp:idle:1' since='see-you-at-five-T'/>", "<delay xmlns='urn:xmpp:delay' stamp='see you'/>",
        "<body>see you</body>"}) {
    EXPECT_EQ(of(children), "") << children;
    EXPECT_EQ(of(children, " type='subscribed'"), "") << children;
  }
  EXPECT_EQ(of("<x xmlns='vcard-temp:x:update'><photo>see you at five</photo><note>see you</note></x>"),
            "<x xmlns='vcard-temp:x:update'><photo/></x>");
  EXPECT_EQ(
      of("<nick xmlns='http://jabber.org/protocol/nick'>" + std::string(65, 'n') + "</nick>", " type='subscribe'"), "");
  for (const auto& token : {std::string(), std::string("see you"), std::string(65, 't')}) {
    EXPECT_EQ(of("<preauth xmlns='urn:xmpp:pars:0' token='" + token + "'/>", " type='subscribe'"), "") << token;
  }
}

TEST(Presence, RebuiltTwiceIsTheSame) {
  const auto once = of(
      "<show>dnd</show><status>x</status><priority>5</priority><x xmlns='vcard-temp:x:update'><photo>no</photo></x>");
  EXPECT_EQ(of(once), once);
}

}  // namespace
}  // namespace valise::modules::omemo
