// docs/sealed.md 3.5: requests and answers between two people.
#include <gtest/gtest.h>

#include "modules/omemo/questions.hpp"
#include "samples.hpp"

namespace valise::modules::omemo {
namespace {
using namespace samples;

core::StanzaPtr iq(std::string_view type, std::string_view payload, std::string_view id = "q1") {
  return stanza_of("<iq to='juliet@a.example/r' id='" + std::string(id) + "' type='" + std::string(type) + "'>" +
                   std::string(payload) + "</iq>");
}

core::StanzaPtr to_account(std::string_view payload, std::string_view type = "set") {
  return stanza_of("<iq to='juliet@a.example' id='q1' type='" + std::string(type) + "'>" + std::string(payload) +
                   "</iq>");
}

std::string asked_of_account(std::string_view payload) {
  return rebuild_request(*to_account(payload, "get")).value_or("refused");
}
std::string question(std::string_view payload) { return rebuild_request(*iq("get", payload)).value_or("refused"); }
std::string answer(std::string_view payload) { return rebuild_answer(*iq("result", payload)).value_or("refused"); }

TEST(Requests, ReadingPasses) {
  for (const auto* payload :
       {"<query xmlns='http://jabber.org/protocol/disco#info'/>", "<ping xmlns='urn:xmpp:ping'/>",
        "<vCard xmlns='vcard-temp'/>",
        "<query xmlns='http://jabber.org/protocol/disco#info' node='https://gajim.org#9VqTMSkgCeNjPkre3AkO3UTE0UY='/>",
        "<query xmlns='http://jabber.org/protocol/disco#items'/>", "<time xmlns='urn:xmpp:time'/>",
        "<query xmlns='jabber:iq:version'/>", "<query xmlns='jabber:iq:last'/>"}) {
    EXPECT_EQ(question(payload), payload);
  }
  const auto* items =
      "<pubsub xmlns='http://jabber.org/protocol/pubsub'><items node='eu.siacs.conversations.axolotl.devicelist' "
      "max_items='1'><item id='current'/></items></pubsub>";
  EXPECT_EQ(rebuild_request(*to_account(items, "get")), items);
  EXPECT_EQ(question(items), "refused") << "a device has no nodes";
  const auto* list =
      "<pubsub xmlns='http://jabber.org/protocol/pubsub'><items "
      "node='eu.siacs.conversations.axolotl.devicelist'/></pubsub>";
  EXPECT_EQ(question(list), list) << "Profanity in rooms";
  const auto* subscribe =
      "<pubsub xmlns='http://jabber.org/protocol/pubsub'><subscribe node='urn:xmpp:omemo:2:devices' "
      "jid='rom\xc3\xa9o@a.example/my phone'/></pubsub>";
  EXPECT_EQ(rebuild_request(*to_account(subscribe)), subscribe);
  EXPECT_FALSE(rebuild_request(*iq("set", subscribe))) << "a device has no nodes";
  EXPECT_EQ(rebuild_request(*to_account("<pubsub xmlns='http://jabber.org/protocol/pubsub'><subscribe node='n' "
                                        "jid='romeo@a.example/the merger is on friday'/></pubsub>")),
            "<pubsub xmlns='http://jabber.org/protocol/pubsub'><subscribe node='n'/></pubsub>")
      << "a device is not called by a sentence";
  const auto sealed = Second().text();
  EXPECT_EQ(rebuild_request(*iq("set", sealed)), sealed) << "Kaidan's sealed requests";
}

TEST(Requests, ForTheRosterOfAnotherReachItsServerWithoutAWord) {  // which forbids them (RFC 6121 §2.3.3)
  const auto* set = "<query xmlns='jabber:iq:roster'><item jid='a@b' name='see you'/></query>";
  EXPECT_EQ(rebuild_request(*to_account(set)), "<query xmlns='jabber:iq:roster'/>");
  for (const auto* type : {"get", "set"})
    EXPECT_FALSE(rebuild_request(*iq(type, set))) << "a device would take it for a push";
}

std::string items_page(std::string_view set) {
  return "<pubsub xmlns='http://jabber.org/protocol/pubsub'><items node='n'/><set "
         "xmlns='http://jabber.org/protocol/rsm'>" +
         std::string(set) + "</set></pubsub>";
}
std::string nodes_page(std::string_view set) {
  return "<query xmlns='http://jabber.org/protocol/disco#items'><set xmlns='http://jabber.org/protocol/rsm'>" +
         std::string(set) + "</set></query>";
}

TEST(Requests, PagesAreAskedForByNumbersAndIds) {  // XEP-0059
  for (const auto* set : {"<max>10</max>", "<max>0</max>", "<max>10</max><before/>", "<max>10</max><before>i1</before>",
                          "<max>2</max><after>urn:xmpp:avatar:data</after>", "<max>1</max><index>4</index>"}) {
    EXPECT_EQ(asked_of_account(items_page(set)), items_page(set));
    EXPECT_EQ(question(nodes_page(set)), nodes_page(set));
  }
  for (const auto* set : {"<after>see you</after>", "<max>see you</max>", "<max>1</max>see you", "<max><see/></max>",
                          "<max>1234567890</max>", "<see>you</see>", "<max xmlns='see:you'>1</max>",
                          "<max>1</max><max>2</max><max>3</max><max>4</max><max>5</max>"}) {
    EXPECT_EQ(asked_of_account(items_page(set)), "refused") << set;
    EXPECT_EQ(question(nodes_page(set)), "refused") << set;
  }
  EXPECT_EQ(asked_of_account(items_page("<after>" + std::string(257, 'x') + "</after>")), "refused");
  EXPECT_EQ(
      question("<query xmlns='http://jabber.org/protocol/disco#info'><set xmlns='http://jabber.org/protocol/rsm'/>"
               "</query>"),
      "refused");
  EXPECT_EQ(asked_of_account("<pubsub xmlns='http://jabber.org/protocol/pubsub'><subscriptions/>"
                             "<set xmlns='http://jabber.org/protocol/rsm'/></pubsub>"),
            "refused");
}

TEST(Requests, SayingSomethingDoesNot) {
  for (const auto* payload :
       {"<query xmlns='jabber:iq:rpc'/>", "<query xmlns='http://jabber.org/protocol/disco#info'>see you</query>",
        "<query xmlns='http://jabber.org/protocol/disco#info' node='see you at five'/>",
        "<query xmlns='http://jabber.org/protocol/disco#info'><x>see you</x></query>",
        "<query xmlns='jabber:iq:version'><see/><you/></query>", "<see_you xmlns='jabber:iq:version'/>",
        "<query xmlns='jabber:iq:version'><a xmlns='see you'/></query>",
        "<pubsub xmlns='http://jabber.org/protocol/pubsub'><items node='n'><see/><you/></items></pubsub>",
        "<pubsub xmlns='http://jabber.org/protocol/pubsub'><items node='n'><item id='see you'/></items></pubsub>",
        "<ping xmlns='urn:xmpp:ping'><x y='see you'/></ping>", "<encrypted xmlns='urn:xmpp:omemo:2'/>",
        "<vCard xmlns='vcard-temp'><NOTE>see you</NOTE></vCard>", "<open xmlns='http://jabber.org/protocol/ibb'/>"}) {
    EXPECT_EQ(question(payload), "refused") << payload;
    EXPECT_EQ(asked_of_account(payload), "refused") << payload;
    EXPECT_FALSE(rebuild_request(*iq("set", payload))) << payload;
  }
  EXPECT_EQ(question("see you<ping xmlns='urn:xmpp:ping'/>"), "refused");
  EXPECT_EQ(question("see you" + Second().text()), "refused");
  EXPECT_FALSE(rebuild_request(*iq("get", "<ping xmlns='urn:xmpp:ping'/>", "see you")));
  EXPECT_FALSE(rebuild_request(*to_account("<vCard xmlns='vcard-temp'/>")));
  EXPECT_FALSE(
      rebuild_request(*to_account("<pubsub xmlns='http://jabber.org/protocol/pubsub'><publish node='n'/></pubsub>")));
}

TEST(Requests, UnknownAttributesAreLeftOut) {
  EXPECT_EQ(question("<query xmlns='jabber:iq:version' a='see_you' xmlns:p='see you' p:b='c'/>"),
            "<query xmlns='jabber:iq:version'/>");
  EXPECT_EQ(
      asked_of_account("<pubsub xmlns='http://jabber.org/protocol/pubsub' x='y'><items node='n' x='y' max_items='two'>"
                       "<item id='1' x='y'/></items></pubsub>"),
      "<pubsub xmlns='http://jabber.org/protocol/pubsub'><items node='n'><item id='1'/></items></pubsub>");
}

TEST(Answers, AreRebuiltByNamespace) {
  EXPECT_EQ(answer(""), "");
  EXPECT_EQ(
      answer("<query xmlns='jabber:iq:version'><name>Gajim</name><version>1.7.3</version>"
             "<os>Debian GNU/Linux 12 (bookworm)</os><x>see you</x><body xmlns='jabber:client'>see you</body></query>"),
      "<query xmlns='jabber:iq:version'><name>Gajim</name><version>1.7.3</version>"
      "<os>Debian GNU/Linux 12 (bookworm)</os></query>");
  EXPECT_EQ(answer("<query xmlns='jabber:iq:version'><name>the merger is on friday</name></query>"),
            "<query xmlns='jabber:iq:version'/>");
  EXPECT_EQ(answer("<query xmlns='jabber:iq:last' seconds='903'>see you</query>"),
            "<query xmlns='jabber:iq:last' seconds='903'/>");
  EXPECT_EQ(answer("<time xmlns='urn:xmpp:time'><tzo>+01:00</tzo><utc>2026-01-02T03:04:05Z</utc></time>"),
            "<time xmlns='urn:xmpp:time'><tzo>+01:00</tzo><utc>2026-01-02T03:04:05Z</utc></time>");
  EXPECT_EQ(answer("<time xmlns='urn:xmpp:time'><tzo>see you</tzo><utc>at five</utc></time>"),
            "<time xmlns='urn:xmpp:time'/>");
  EXPECT_EQ(answer("<vCard xmlns='vcard-temp'><NOTE>see you</NOTE></vCard>"), "<vCard xmlns='vcard-temp'/>");
  EXPECT_EQ(answer("<ping xmlns='urn:xmpp:ping'>see you</ping>"), "<ping xmlns='urn:xmpp:ping'/>");
  EXPECT_EQ(rebuild_answer(*iq("error", "<error type='cancel'><text>see you</text></error>")),
            "<error type='cancel'><undefined-condition xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>");
}

TEST(Answers, SayWhatAClientCan) {  // XEP-0030, and XEP-0232 as an extension
  const std::string_view whole =
      "<query xmlns='http://jabber.org/protocol/disco#info' node='http://psi-im.org#q07IKJEyjvHSyhy//CH0CxmKi8w='>"
      "<identity category='client' type='pc' name='Psi+ 1.4' xml:lang='en'/><feature var='urn:xmpp:ping'/>"
      "<x xmlns='jabber:x:data' type='result'><field var='FORM_TYPE' "
      "type='hidden'><value>urn:xmpp:dataforms:softwareinfo</value>"
      "</field><field var='os'><value>Mac OS X</value></field></x></query>";
  EXPECT_EQ(answer(whole), whole);
  EXPECT_EQ(
      answer(
          "<query xmlns='http://jabber.org/protocol/disco#info' note='see you'><identity category='see you' type='pc'/>"
          "<feature var='see you'/>see you<x xmlns='jabber:x:data'><title>see you</title><field var='a'>"
          "<value>the merger is on friday</value><desc>see you</desc></field></x><y xmlns='urn:y'>see you</y></query>"),
      "<query xmlns='http://jabber.org/protocol/disco#info'/>");
  EXPECT_EQ(answer("<query xmlns='http://jabber.org/protocol/disco#items'><item jid='a@b.example' name='the merger is "
                   "on friday'/>"
                   "<item jid='a@b.example/the merger'/></query>"),
            "<query xmlns='http://jabber.org/protocol/disco#items'><item jid='a@b.example'/></query>");
}

TEST(Answers, OfOtherKindsAreRefused) {
  EXPECT_EQ(answer("<x xmlns='urn:x'>see you</x>"), "refused");
  EXPECT_EQ(
      answer("<pubsub xmlns='http://jabber.org/protocol/pubsub'><items node='a'><item><m/></item></items></pubsub>"),
      "refused");
  EXPECT_EQ(answer("see you"), "refused");
  EXPECT_FALSE(rebuild_answer(*iq("result", "", "see you")));
  EXPECT_EQ(answer("<encrypted xmlns='urn:xmpp:omemo:2'>see you</encrypted>"), "refused");
}

TEST(Questions, AreAnsweredOnceByWhomTheyWentTo) {
  Questions questions;
  questions.ask("juliet@a.example/r", "q1", "urn:xmpp:ping", 0);
  EXPECT_FALSE(questions.answer("juliet@a.example/other", "q1", "", 1));
  EXPECT_FALSE(questions.answer("juliet@a.example/r", "q2", "", 1));
  EXPECT_FALSE(questions.answer("juliet@a.example/r", "q1", "vcard-temp", 1));
  EXPECT_TRUE(questions.answer("juliet@a.example/r", "q1", "urn:xmpp:ping", 1));
  EXPECT_FALSE(questions.answer("juliet@a.example/r", "q1", "", 1));
}

TEST(Questions, AreForgotten) {
  Questions questions;
  questions.ask("juliet@a.example/r", "old", "urn:xmpp:ping", 0);
  EXPECT_FALSE(questions.answer("juliet@a.example/r", "old", "", Questions::life_ms + 1));
  for (std::size_t i = 0; i <= Questions::most; ++i) questions.ask("juliet@a.example/r", std::to_string(i), "", 0);
  EXPECT_FALSE(questions.answer("juliet@a.example/r", "0", "", 1)) << "the oldest makes room";
  EXPECT_TRUE(questions.answer("juliet@a.example/r", "1", "", 1));
}

}  // namespace
}  // namespace valise::modules::omemo
