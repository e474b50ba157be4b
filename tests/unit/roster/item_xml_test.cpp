#include "modules/roster/item_xml.hpp"

#include <gtest/gtest.h>

#include "core/namespaces.hpp"
#include "modules/roster/book.hpp"

namespace {

using namespace valise;
using namespace valise::modules::roster;
using core::StanzaError;

class Set : public testing::Test {
 protected:
  std::expected<ItemChange, StanzaError> parse(const std::string& items, std::size_t groups = 4) {
    document_ = xml::parse_element("<query xmlns='jabber:iq:roster'>" + items + "</query>");
    EXPECT_TRUE(document_);
    return parse_set(document_->root(), *core::Jid::parse("me@x.org"), groups);
  }
  std::string condition(const std::string& items) {
    const auto parsed = parse(items);
    return parsed ? "" : std::string(parsed.error().condition);
  }
  xml::DocumentPtr document_;
};

TEST_F(Set, ReadsNameAndGroups) {
  const auto change = parse("<item jid='Romeo@X.org' name='R'><group>A</group><group>B</group></item>");
  ASSERT_TRUE(change);
  EXPECT_EQ(change->jid.full(), "romeo@x.org");
  EXPECT_EQ(change->name, "R");
  EXPECT_EQ(change->groups, (std::vector<std::string>{"A", "B"}));
  EXPECT_FALSE(change->remove);
}

TEST_F(Set, HeedsOfTheSubscriptionOnlyRemove) {
  EXPECT_TRUE(parse("<item jid='a@x' subscription='remove'/>")->remove);
  for (const auto* value : {"both", "to", "none", "Remove", ""}) {
    EXPECT_FALSE(
        parse("<item jid='a@x' approved='true' ask='subscribe' subscription='" + std::string(value) + "'/>")->remove);
  }
}

TEST_F(Set, NeedsExactlyOneItem) {  // RFC 6121 §2.3.3
  EXPECT_EQ(condition(""), "bad-request");
  EXPECT_EQ(condition("<item jid='a@x'/><item jid='b@x'/>"), "bad-request");
  EXPECT_EQ(condition("<other jid='a@x'/>"), "bad-request");
  EXPECT_EQ(condition("<item xmlns='urn:other' jid='a@x'/>"), "bad-request");
  EXPECT_EQ(condition("<item name='x'/>"), "bad-request");
}

TEST_F(Set, RefusesBadAddresses) {
  EXPECT_EQ(condition("<item jid=''/>"), "jid-malformed");
  EXPECT_EQ(condition("<item jid='a b@x'/>"), "jid-malformed");
  EXPECT_EQ(condition("<item jid='a@x/phone'/>"), "not-acceptable");
  EXPECT_EQ(condition("<item jid='ME@x.org'/>"), "not-allowed");
}

TEST_F(Set, BoundsNameAndGroups) {  // RFC 6121 §2.3.3; limits at n and n + 1
  const std::string most(max_name, 'n');
  EXPECT_EQ(condition("<item jid='a@x' name='" + most + "'/>"), "");
  EXPECT_EQ(condition("<item jid='a@x' name='" + most + "n'/>"), "not-acceptable");
  EXPECT_EQ(condition("<item jid='a@x'><group>" + most + "</group></item>"), "");
  EXPECT_EQ(condition("<item jid='a@x'><group>" + most + "n</group></item>"), "not-acceptable");
  EXPECT_EQ(condition("<item jid='a@x'><group/></item>"), "not-acceptable");
  EXPECT_EQ(condition("<item jid='a@x'><group>G</group><group>G</group></item>"), "bad-request");
  const std::string four = "<group>1</group><group>2</group><group>3</group><group>4</group>";
  EXPECT_EQ(condition("<item jid='a@x'>" + four + "</item>"), "");
  EXPECT_EQ(condition("<item jid='a@x'>" + four + "<group>5</group></item>"), "resource-constraint");
}

TEST(Push, WritesTheItemEscapedWithItsVersion) {
  const storage::RosterItem item{.jid = "a&b@x",
                                 .name = "<'\">",
                                 .groups = {"A&B"},
                                 .subscription = storage::Subscription::both,
                                 .ask = true,
                                 .approved = true};
  const auto query = xml::parse_element(push_query(item.jid, &item, 77));
  ASSERT_TRUE(query);
  EXPECT_EQ(query->root().attribute_or_empty("ver"), "77");
  const auto child = query->root().child("item", core::ns::roster);
  ASSERT_TRUE(child);
  EXPECT_EQ(child.attribute_or_empty("jid"), "a&b@x");
  EXPECT_EQ(child.attribute_or_empty("name"), "<'\">");
  EXPECT_EQ(child.attribute_or_empty("subscription"), "both");
  EXPECT_EQ(child.attribute_or_empty("ask"), "subscribe");
  EXPECT_EQ(child.attribute_or_empty("approved"), "true");
  EXPECT_EQ(child.child("group", core::ns::roster).text(), "A&B");
}

TEST(Push, OfARemovalNamesOnlyTheAddress) {
  EXPECT_EQ(push_query("a@x", nullptr, 5),
            "<query xmlns='jabber:iq:roster' ver='5'><item jid='a@x' subscription='remove'/></query>");
}

TEST(Request, ComesBackAsItWas) {
  auto subscribe = core::make_presence("subscribe", *core::Jid::parse("r@y"), *core::Jid::parse("me@x"),
                                       "<nick xmlns='http://jabber.org/protocol/nick'>R</nick>");
  subscribe->id = "s1";
  storage::RosterItem row{.jid = "r@y", .pending_in = stored_request(*subscribe)};
  for (const bool mark : {false, true}) {
    if (mark) row.pending_in.insert(0, 1, hidden_mark);
    const auto again = restored_request(row);
    ASSERT_TRUE(again);
    std::string text;
    again->append(text);
    EXPECT_EQ(text,
              "<presence from='r@y' to='me@x' id='s1' type='subscribe'>"
              "<nick xmlns='http://jabber.org/protocol/nick'>R</nick></presence>");
  }
}

TEST(Request, ThatIsTooLongIsKeptWithoutItsChildren) {
  const auto subscribe = core::make_presence("subscribe", *core::Jid::parse("r@y"), *core::Jid::parse("me@x"),
                                             "<status>" + std::string(max_request, 's') + "</status>");
  EXPECT_EQ(stored_request(*subscribe), "<presence from='r@y' to='me@x' type='subscribe'/>");
}

TEST(Request, ThatIsDamagedIsLeftOut) {
  for (const auto* text : {"", "<presence", "<iq/>", "plain"}) {
    EXPECT_FALSE(restored_request({.jid = "r@y", .pending_in = text})) << text;
  }
}

}  // namespace
