// XEP-0441 as a pure function.
#include <gtest/gtest.h>

#include "modules/archive/wishes.hpp"

namespace {

using namespace valise;
using namespace valise::modules::archive;

core::Jid jid(const std::string& text) { return *core::Jid::parse(text); }
std::expected<Wishes, core::StanzaError> read(const std::string& xml) {
  const auto document = xml::parse_element(xml);
  return read_wishes(document->root());
}
bool keeps(const Wishes& wishes, const std::string& peer, bool is_contact = false) {
  return wishes.keeps(jid(peer), [is_contact] { return is_contact; });
}

TEST(Wishes, AFullAddressSaysMoreThanABareOneAndAListMoreThanTheDefault) {
  const auto wishes = read(
      "<prefs xmlns='urn:xmpp:mam:2' default='never'><always><jid>b@x</jid><jid>c@x/good</jid></always>"
      "<never><jid>b@x/bad</jid><jid>c@x</jid></never></prefs>");
  ASSERT_TRUE(wishes);
  EXPECT_TRUE(keeps(*wishes, "b@x"));
  EXPECT_TRUE(keeps(*wishes, "b@x/any"));
  EXPECT_FALSE(keeps(*wishes, "b@x/bad"));
  EXPECT_FALSE(keeps(*wishes, "c@x/any"));
  EXPECT_TRUE(keeps(*wishes, "c@x/good"));
  EXPECT_FALSE(keeps(*wishes, "d@x", true));
}

TEST(Wishes, RosterAsksForTheContactOnlyWhereItMatters) {
  const auto wishes = read("<prefs xmlns='urn:xmpp:mam:2' default='roster'><never><jid>b@x</jid></never></prefs>");
  ASSERT_TRUE(wishes);
  EXPECT_TRUE(keeps(*wishes, "c@x", true));
  EXPECT_FALSE(keeps(*wishes, "c@x", false));
  EXPECT_FALSE(wishes->keeps(jid("b@x"), [] {
    ADD_FAILURE() << "asked";
    return true;
  }));
}

TEST(Wishes, WhatIsWrittenReadsTheSame) {
  const auto wishes = read(
      "<prefs xmlns='urn:xmpp:mam:2' "
      "default='roster'><always><jid>&quot;a'&lt;@x</jid></always><never><jid>B@x/R&amp;D</jid>"
      "<jid>b@x/R&amp;D</jid></never></prefs>");
  if (wishes) {
    const auto again = read(to_xml(*wishes));
    ASSERT_TRUE(again);
    EXPECT_EQ(again->never, wishes->never);
    EXPECT_EQ(again->always, wishes->always);
  }
  const auto plain = read(
      "<prefs xmlns='urn:xmpp:mam:2' "
      "default='always'><never><jid>B@x/R&amp;D</jid><jid>b@x/R&amp;D</jid></never></prefs>");
  ASSERT_TRUE(plain);
  EXPECT_EQ(plain->never, std::vector<std::string>{"b@x/R&D"});
  EXPECT_EQ(to_xml(*plain), to_xml(*read(to_xml(*plain))));
}

}  // namespace
