#include "modules/csi/urgency.hpp"

#include <gtest/gtest.h>

namespace {
using namespace valise::core;
using valise::modules::csi::judge;
using valise::modules::csi::Urgency;

const Jid client = *Jid::parse("alice@x.org/phone");

// As it comes from a client, or, with `made`, as this server makes it.
StanzaPtr stanza(std::string_view name, std::string_view type, const std::string& children, bool made = false,
                 std::string_view from = "bob@x.org/laptop") {
  std::string xml = "<" + std::string(name);
  if (!type.empty()) xml.append(" type='").append(type).append("'");
  auto parsed = *make_stanza(valise::xml::parse_element(xml + ">" + children + "</" + std::string(name) + ">"));
  parsed->from = *Jid::parse(from);
  if (made) {
    parsed->document = {};
    parsed->children = children;
  }
  return parsed;
}

Urgency urgency(std::string_view name, std::string_view type, const std::string& children) {
  const auto as_it_came = judge(*stanza(name, type, children), client);
  const auto made = judge(*stanza(name, type, children, true), client);
  EXPECT_EQ(as_it_came.urgency, made.urgency) << children;
  EXPECT_EQ(as_it_came.about, made.about) << children;
  EXPECT_EQ(as_it_came.about.empty(), as_it_came.urgency != Urgency::waits) << children;
  return as_it_came.urgency;
}

std::string about(const std::string& children, std::string_view from = "bob@x.org") {
  return judge(*stanza("message", "headline", children, true, from), client).about;
}

const std::string composing = "<composing xmlns='http://jabber.org/protocol/chatstates'/>";

TEST(Urgency, AnIqIsWaitedFor) {
  EXPECT_EQ(urgency("iq", "set", "<query xmlns='jabber:iq:roster'/>"), Urgency::now);
  EXPECT_EQ(urgency("iq", "result", ""), Urgency::now);
}

TEST(Urgency, WhoIsThereWaitsAndTheLastWordOfEachDeviceCounts) {
  EXPECT_EQ(urgency("presence", "", "<show>away</show>"), Urgency::waits);
  EXPECT_EQ(urgency("presence", "unavailable", ""), Urgency::waits);
  const auto there = judge(*stanza("presence", "", "<show>away</show>"), client).about;
  EXPECT_EQ(there, judge(*stanza("presence", "unavailable", ""), client).about);
  EXPECT_NE(there, judge(*stanza("presence", "", "", false, "bob@x.org/phone"), client).about);
}

TEST(Urgency, SubscriptionsAndErrorsDoNotWait) {
  for (const auto* type : {"subscribe", "subscribed", "unsubscribe", "unsubscribed", "probe", "error"}) {
    EXPECT_EQ(urgency("presence", type, ""), Urgency::now) << type;
  }
}

TEST(Urgency, TheOwnPresenceAnswersTheClient) {
  EXPECT_EQ(judge(*stanza("presence", "", "", false, "alice@x.org/phone"), client).urgency, Urgency::now);
  EXPECT_EQ(judge(*stanza("presence", "", "", false, "alice@x.org/laptop"), client).urgency, Urgency::waits);
}

TEST(Urgency, ARoomsStatusCodesDoNotWait) {
  EXPECT_EQ(urgency("presence", "", "<x xmlns='http://jabber.org/protocol/muc#user'><item role='none'/></x>"),
            Urgency::waits);
  EXPECT_EQ(urgency("presence", "", "<x xmlns='http://jabber.org/protocol/muc#user'><status code='110'/></x>"),
            Urgency::now);
}

TEST(Urgency, AChatStateAloneMeansNothingLater) {
  EXPECT_EQ(urgency("message", "chat", composing), Urgency::means_nothing);
  EXPECT_EQ(urgency("message", "chat", composing + "<no-store xmlns='urn:xmpp:hints'/><thread>t</thread>"),
            Urgency::means_nothing);
  EXPECT_EQ(urgency("message", "chat", "<no-store xmlns='urn:xmpp:hints'/>"), Urgency::now);
  EXPECT_EQ(urgency("message", "error", composing), Urgency::now);
}

TEST(Urgency, MessagesDoNotWait) {
  for (const auto* content :
       {"<body>x</body>", "<encrypted xmlns='eu.siacs.conversations.axolotl'/>",
        "<encrypted xmlns='urn:xmpp:omemo:2'/>", "<displayed xmlns='urn:xmpp:chat-markers:0' id='1'/>",
        "<received xmlns='urn:xmpp:receipts' id='1'/>", "<propose xmlns='urn:xmpp:jingle-message:0' id='1'/>",
        "<x xmlns='urn:example:unknown'/>", ""}) {
    for (const auto* type : {"chat", "", "groupchat", "headline"}) {
      EXPECT_EQ(urgency("message", type, content), Urgency::now) << type << content;
      EXPECT_EQ(urgency("message", type, composing + content),
                *content == '\0' ? Urgency::means_nothing : Urgency::now);
    }
  }
}

std::string carbon(const std::string& inner, const std::string& type = "chat") {
  return "<sent xmlns='urn:xmpp:carbons:2'><forwarded xmlns='urn:xmpp:forward:0'><message xmlns='jabber:client' "
         "type='" +
         type + "'>" + inner + "</message></forwarded></sent>";
}

TEST(Urgency, ACarbonIsAsUrgentAsItsMessage) {
  EXPECT_EQ(urgency("message", "chat", carbon(composing)), Urgency::means_nothing);
  EXPECT_EQ(urgency("message", "chat", carbon(composing + "<body>x</body>")), Urgency::now);
  EXPECT_EQ(urgency("message", "chat", carbon("")), Urgency::now);
  EXPECT_EQ(urgency("message", "chat", carbon(composing, "error")), Urgency::now);
}

std::string event(const std::string& inner) {
  return "<event xmlns='http://jabber.org/protocol/pubsub#event'>" + inner + "</event>";
}

TEST(Urgency, EventsAboutItemsWait) {
  const auto items = event("<items node='n'><item id='1'><x xmlns='urn:example:x'/></item></items>");
  EXPECT_EQ(urgency("message", "headline", items), Urgency::waits);
  EXPECT_EQ(urgency("message", "", items), Urgency::waits);
  EXPECT_EQ(urgency("message", "headline", items + "<body>x</body>"), Urgency::now);
  for (const auto* other : {"<purge node='n'/>", "<delete node='n'/>", "<configuration node='n'/>", ""}) {
    EXPECT_EQ(urgency("message", "headline", event(other)), Urgency::now) << other;
  }
}

TEST(Urgency, AnEventReplacesOneAboutTheSameItemOnly) {
  const auto one = event("<items node='n'><item id='1'/></items>");
  EXPECT_EQ(about(one), about(event("<items node='n'><item id='1'><x xmlns='urn:example:x'/></item></items>")));
  EXPECT_EQ(about(one), about(event("<items node='n'><retract id='1'/></items>")));  // it is there or it is not
  for (const auto& other :
       {event("<items node='n'><item id='2'/></items>"), event("<items node='m'><item id='1'/></items>"),
        event("<items node='n'><item id='1'/><item id='2'/></items>"), event("<items node='n'/>")}) {
    EXPECT_NE(about(one), about(other)) << other;
  }
  EXPECT_NE(about(one), about(one, "carol@x.org"));
}

}  // namespace
