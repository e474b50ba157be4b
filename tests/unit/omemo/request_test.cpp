// docs/sealed.md 3.5: requests and answers between two people.
#include <gtest/gtest.h>

#include "samples.hpp"

namespace valise::modules::omemo {
namespace {
using namespace samples;

core::StanzaPtr iq(std::string_view type, std::string_view payload, std::string_view id = "q1") {
  return stanza_of("<iq to='juliet@a.example/r' id='" + std::string(id) + "' type='" + std::string(type) + "'>" +
                   std::string(payload) + "</iq>");
}

TEST(Requests, ReadingPasses) {
  for (const auto* payload :
       {"<query xmlns='http://jabber.org/protocol/disco#info'/>", "<ping xmlns='urn:xmpp:ping'/>", "<vCard xmlns='vcard-temp'/>",
        "<query xmlns='http://jabber.org/protocol/disco#info' node='https://gajim.org#9VqTMSkgCeNjPkre3AkO3UTE0UY='/>",
        "<query xmlns='jabber:iq:version'/>", "<query xmlns='jabber:iq:last'/>",
        "<pubsub xmlns='http://jabber.org/protocol/pubsub'><items node='eu.siacs.conversations.axolotl.devicelist' "
        "max_items='1'><item id='current'/></items><set xmlns='http://jabber.org/protocol/rsm'><max>10</max></set></pubsub>"}) {
    EXPECT_TRUE(may_pass_request(*iq("get", payload))) << payload;
  }
  EXPECT_TRUE(may_pass_request(*iq("set", "<pubsub xmlns='http://jabber.org/protocol/pubsub'><subscribe node='urn:xmpp:omemo:2:devices' "
                                          "jid='rom\xc3\xa9o@a.example/my phone'/></pubsub>")));
  EXPECT_TRUE(may_pass_request(*iq("set", Second().text()))) << "Kaidan's sealed requests";
}

TEST(Requests, SayingSomethingDoesNot) {
  for (const auto* payload :
       {"<query xmlns='jabber:iq:rpc'/>", "<query xmlns='http://jabber.org/protocol/disco#info'>see you</query>",
        "<query xmlns='http://jabber.org/protocol/disco#info' node='see you at five'/>",
        "<query xmlns='http://jabber.org/protocol/disco#info'><x>see you</x></query>",
        "<ping xmlns='urn:xmpp:ping'><x y='see you'/></ping>", "<encrypted xmlns='urn:xmpp:omemo:2'/>",
        "<vCard xmlns='vcard-temp'><NOTE>see you</NOTE></vCard>", "<open xmlns='http://jabber.org/protocol/ibb'/>"}) {
    EXPECT_FALSE(may_pass_request(*iq("get", payload))) << payload;
    EXPECT_FALSE(may_pass_request(*iq("set", payload))) << payload;
  }
  EXPECT_FALSE(may_pass_request(*iq("get", "see you<ping xmlns='urn:xmpp:ping'/>")));
  EXPECT_FALSE(may_pass_request(*iq("get", "<ping xmlns='urn:xmpp:ping'/>", "see you")));
  EXPECT_FALSE(may_pass_request(*iq("set", "<vCard xmlns='vcard-temp'/>")));
  EXPECT_FALSE(may_pass_request(*iq("set", "<pubsub xmlns='http://jabber.org/protocol/pubsub'><publish node='n'/></pubsub>")));
}

TEST(Answers, PassInKnownNamespaces) {
  EXPECT_TRUE(may_pass_answer(*iq("result", "")));
  EXPECT_TRUE(may_pass_answer(*iq("result", "<query xmlns='jabber:iq:version'><name>Valise</name></query>")));
  EXPECT_TRUE(may_pass_answer(*iq("error", "<error/>")));
  EXPECT_FALSE(may_pass_answer(*iq("result", "<x xmlns='urn:x'>see you</x>")));
  EXPECT_FALSE(may_pass_answer(*iq("result", "see you")));
  EXPECT_FALSE(may_pass_answer(*iq("result", "", "see you")));
  EXPECT_FALSE(may_pass_answer(*iq("result", "<encrypted xmlns='urn:xmpp:omemo:2'>see you</encrypted>")));
}

}  // namespace
}  // namespace valise::modules::omemo
