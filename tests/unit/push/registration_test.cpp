#include "modules/push/registration.hpp"

#include <gtest/gtest.h>

#include "modules/push/notification.hpp"

namespace valise::modules::push {
namespace {

core::Jid jid(std::string_view text) { return core::Jid::parse(text).value(); }

constexpr std::string_view form =
    "<x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE' type='hidden'><value>"
    "http://jabber.org/protocol/pubsub#publish-options</value></field>"
    "<field var='secret'><value>a'&amp;&lt;b</value></field></x>";

xml::DocumentPtr enable(std::string_view attributes, std::string_view inner = {}) {
  auto document = xml::parse_element("<enable xmlns='urn:xmpp:push:0' " + std::string(attributes) + ">" +
                                     std::string(inner) + "</enable>");
  EXPECT_TRUE(document);
  return document;
}

TEST(Registration, SurvivesTheStoreWithEveryFieldAndHostileValues) {
  const auto document = enable("jid='push@localhost/a&apos;b&lt;' node='&lt;n&apos;&quot;'", form);
  auto read = read_enable(document->root());
  ASSERT_TRUE(read);
  read->agent = "d4565fa7-4d72-4749-b3d3-740edbf87770";
  read->resource = "Phone/<é>";
  read->enabled_ms = 1'764'000'000'000;
  const auto again = decode(encode(*read));
  ASSERT_TRUE(again);
  EXPECT_TRUE(again->says_the_same(*read));
  EXPECT_EQ(again->enabled_ms, read->enabled_ms);
  EXPECT_EQ(again->node, "<n'\"");
  EXPECT_NE(again->options.find("a'&amp;&lt;b"), std::string::npos) << again->options;
}

TEST(Registration, AForeignRowIsNone) {
  for (const auto* row : {"", "x", "<push/>", "<push service='' enabled='1'/>", "<push service='a@b/c' enabled='x'/>",
                          "<other service='a@b/c' enabled='1'/>", "<endpoint/>",
                          "<push service='a@b/c' enabled='1'><x xmlns='jabber:x:data' type='submit'/></push>"}) {
    EXPECT_FALSE(decode(row)) << row;
  }
}

TEST(Registration, OneRowForEachServiceAndNode) {
  EXPECT_EQ(row_of(jid("a@b/c"), "n"), row_of(jid("a@b/c"), "n"));
  EXPECT_NE(row_of(jid("a@b/c"), "n"), row_of(jid("a@b/c"), "m"));
  EXPECT_NE(row_of(jid("a@b/c"), "n"), row_of(jid("a@b/d"), "n"));
  EXPECT_TRUE(row_of(jid("a@b/c"), "").starts_with(row_prefix));
}

TEST(Registration, NodesAndOptionsAreTokens) {
  EXPECT_TRUE(read_enable(enable("jid='a@b/c'")->root()));
  EXPECT_TRUE(read_enable(enable("jid='a@b/c' node='" + std::string(256, 'n') + "'")->root()));
  for (const auto& attributes :
       {std::string("node='n'"), std::string("jid='' node='n'"), "jid='a@b/c' node='" + std::string(257, 'n') + "'",
        std::string("jid='a@b/c' node='two words'"), std::string("jid='a@b/c' node='é'"),
        std::string("jid='a@b/c' node='&#9;'")}) {
    const auto read = read_enable(enable(attributes)->root());
    ASSERT_FALSE(read) << attributes;
    EXPECT_EQ(read.error().condition, "bad-request");
  }
  EXPECT_EQ(read_enable(enable("jid='@b/c'")->root()).error().condition, "jid-malformed");
}

TEST(Disable, OfAServiceOrOfOneNodeOfIt) {
  const auto all = xml::parse_element("<disable xmlns='urn:xmpp:push:0' jid='a@b/c'/>");
  EXPECT_FALSE(read_disable(all->root())->node);
  const auto one = xml::parse_element("<disable xmlns='urn:xmpp:push:0' jid='a@b/c' node=''/>");
  EXPECT_EQ(read_disable(one->root())->node, "");
}

TEST(Notification, SaysHowMuchAndNoMore) {
  EXPECT_EQ(notification("n", {}, {.messages = 3}),
            "<pubsub xmlns='http://jabber.org/protocol/pubsub'><publish node='n'><item>"
            "<notification xmlns='urn:xmpp:push:0'><x xmlns='jabber:x:data' type='result'>"
            "<field var='FORM_TYPE' type='hidden'><value>urn:xmpp:push:summary</value></field>"
            "<field var='message-count'><value>3</value></field></x></notification></item></publish></pubsub>");
}

TEST(Notification, TheFormOfTheServiceGoesWithIt) {
  const auto text = notification("n", "<x xmlns='jabber:x:data'/>",
                                 {.messages = 1, .pending_subscriptions = 2, .last_sender = "a&b@c"});
  EXPECT_TRUE(text.ends_with("</publish><publish-options><x xmlns='jabber:x:data'/></publish-options></pubsub>"))
      << text;
  EXPECT_NE(text.find("'pending-subscription-count'><value>2<"), std::string::npos);
  EXPECT_NE(text.find("'last-message-sender'><value>a&amp;b@c<"), std::string::npos);
}

}  // namespace
}  // namespace valise::modules::push
