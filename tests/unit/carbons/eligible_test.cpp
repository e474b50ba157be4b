// XEP-0280 §6.1, rule by rule.
#include "modules/carbons/eligible.hpp"

#include <gtest/gtest.h>

namespace {
using valise::core::Jid;
using valise::core::make_stanza;
using valise::core::StanzaPtr;
using valise::modules::carbons::Direction;
using valise::modules::carbons::is_eligible;

StanzaPtr message(std::string_view type, std::string_view children, std::string_view from = "bob@x/phone") {
  std::string xml = "<message xmlns='jabber:client' to='alice@x'";
  if (!type.empty()) xml.append(" type='").append(type).append("'");
  xml.append(">").append(children).append("</message>");
  auto stanza = make_stanza(valise::xml::parse_element(xml));
  (*stanza)->from = *Jid::parse(from);
  return *stanza;
}

bool both(std::string_view type, std::string_view children) {
  const auto stanza = message(type, children);
  const bool received = is_eligible(*stanza, Direction::received, true);
  EXPECT_EQ(received, is_eligible(*stanza, Direction::sent, true)) << type << children;
  return received;
}

constexpr std::string_view body = "<body>x</body>";
constexpr std::string_view nothing = "<x xmlns='urn:example:x'/>";

TEST(Eligible, TypeChatWhateverItHolds) {
  EXPECT_TRUE(both("chat", body));
  EXPECT_TRUE(both("chat", nothing));
  EXPECT_TRUE(both("chat", ""));
}

TEST(Eligible, TypeNormalOnlyWithABodyAndWhatIsSealedIsOne) {
  for (const auto type : {"", "normal", "strange"}) {
    EXPECT_TRUE(both(type, body)) << type;
    EXPECT_TRUE(both(type, "<encrypted xmlns='eu.siacs.conversations.axolotl'><header sid='1'/></encrypted>")) << type;
    EXPECT_TRUE(both(type, "<encrypted xmlns='urn:xmpp:omemo:2'><header sid='1'/></encrypted>")) << type;
    EXPECT_FALSE(both(type, "<encrypted xmlns='urn:example:x'/>")) << type;
    EXPECT_FALSE(both(type, "<body xmlns='urn:example:x'>x</body>")) << type;
    EXPECT_FALSE(both(type, nothing)) << type;
    EXPECT_FALSE(both(type, "")) << type;
  }
}

TEST(Eligible, PayloadsOfInstantMessagingUnderAnyType) {
  for (const auto payload :
       {"<received xmlns='urn:xmpp:receipts' id='1'/>", "<request xmlns='urn:xmpp:receipts'/>",
        "<composing xmlns='http://jabber.org/protocol/chatstates'/>",
        "<displayed xmlns='urn:xmpp:chat-markers:0' id='1'/>", "<propose xmlns='urn:xmpp:jingle-message:0' id='1'/>",
        "<retract xmlns='urn:xmpp:message-retract:1' id='1'/>", "<reactions xmlns='urn:xmpp:reactions:0' id='1'/>"}) {
    for (const auto type : {"", "normal", "chat", "headline"}) EXPECT_TRUE(both(type, payload)) << type << payload;
    EXPECT_FALSE(both("groupchat", payload)) << payload;
  }
}

TEST(Eligible, NeverGroupchatAndNoHeadlineForItsBody) {
  EXPECT_FALSE(both("groupchat", body));
  EXPECT_FALSE(both("headline", body));
}

TEST(Eligible, PrivateAndNoCopyForbidIt) {
  for (const auto hint : {"<private xmlns='urn:xmpp:carbons:2'/>", "<no-copy xmlns='urn:xmpp:hints'/>"}) {
    EXPECT_FALSE(both("chat", std::string(body) + hint)) << hint;
    EXPECT_FALSE(both("chat", std::string(hint) + std::string(body))) << hint;
    EXPECT_FALSE(both("", "<x xmlns='jabber:x:conference' jid='r@m'/>" + std::string(hint))) << hint;
  }
  EXPECT_TRUE(both("chat", "<private xmlns='urn:example:x'/><no-store xmlns='urn:xmpp:hints'/>"));
}

TEST(Eligible, InvitationsToRooms) {
  EXPECT_TRUE(both("", "<x xmlns='jabber:x:conference' jid='r@m'/>"));
  EXPECT_FALSE(both("groupchat", "<x xmlns='jabber:x:conference' jid='r@m'/>"));
  const auto mediated = message("", "<x xmlns='http://jabber.org/protocol/muc#user'><invite from='bob@x'/></x>", "r@m");
  EXPECT_TRUE(is_eligible(*mediated, Direction::received, false));
}

TEST(Eligible, PrivateMessagesOfRoomsAreSentButNotReceived) {
  const std::string marked = std::string(body) + "<x xmlns='http://jabber.org/protocol/muc#user'/>";
  EXPECT_FALSE(is_eligible(*message("chat", marked, "r@m/nick"), Direction::received, false));
  EXPECT_TRUE(is_eligible(*message("chat", marked), Direction::sent, true));
  // Said by a person, the mark hides nothing; said by the room as such, it is no private message.
  EXPECT_TRUE(is_eligible(*message("chat", marked), Direction::received, true));
  EXPECT_TRUE(is_eligible(*message("chat", marked, "r@m"), Direction::received, false));
}

TEST(Eligible, AnErrorIsNotJudgedByWhatItHolds) { EXPECT_FALSE(both("error", body)); }

TEST(Eligible, WhatTheServerMadeIsNot) {
  const auto notice =
      valise::core::make_message("chat", *Jid::parse("x.org"), *Jid::parse("alice@x/a"), std::string(body));
  EXPECT_FALSE(is_eligible(*notice, Direction::received, true));
}

}  // namespace
