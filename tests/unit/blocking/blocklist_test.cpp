#include "modules/blocking/blocklist.hpp"

#include <gtest/gtest.h>

namespace valise::modules::blocking {
namespace {

// XEP-0191 §5.
TEST(Blocklist, MatchesByTheAddressItsBareFormAndItsDomain) {
  const Blocklist full({"user@domain/resource"}), bare({"user@domain"}), of_domain({"domain/resource"}),
      domain({"domain"});
  const std::string_view asked[] = {
      "user@domain/resource", "user@domain/other", "user@domain", "domain/resource", "domain",
      "other@domain",         "user@other"};
  const auto matched = [&](const Blocklist& list) {
    std::string out;
    for (const auto jid : asked) out += list.matches(jid) ? '1' : '0';
    return out;
  };
  EXPECT_EQ(matched(full), "1000000");
  EXPECT_EQ(matched(bare), "1110000");
  EXPECT_EQ(matched(of_domain), "0001000");
  EXPECT_EQ(matched(domain), "1111110");
  EXPECT_EQ(matched(Blocklist()), "0000000");
}

TEST(Blocklist, AResourceMayHoldAnythingAndIsNoAddress) {
  const Blocklist list({"evil@domain", "domain"});
  EXPECT_FALSE(list.matches("good@other/evil@domain"));
  EXPECT_FALSE(list.matches("other/evil@domain"));
  EXPECT_TRUE(list.matches("good@domain/a/b@c"));
}

TEST(Blocklist, ChangesOnlyWithWhatBecameDurable) {
  Blocklist list({"a@x"});
  const auto first = list.begin(true, {"b@x"});
  EXPECT_FALSE(list.matches("b@x"));
  EXPECT_TRUE(list.will_be().contains("b@x"));
  EXPECT_FALSE(list.surely_holds("a@x"));
  list.end(first, false);
  EXPECT_FALSE(list.matches("b@x"));
  EXPECT_FALSE(list.will_be().contains("b@x"));
  EXPECT_TRUE(list.surely_holds("a@x"));
  list.end(list.begin(true, {"b@x"}), true);
  EXPECT_TRUE(list.matches("b@x"));
}

TEST(Blocklist, CountsWhatIsUnderWay) {
  Blocklist list({"a@x"});
  const auto added = list.begin(true, {"b@x", "c@x"});
  EXPECT_EQ(list.size_with({"a@x", "b@x", "d@x"}), 4u);
  EXPECT_EQ(list.will_be(), (Blocklist::Addresses{"a@x", "b@x", "c@x"}));
  const auto removed = list.begin(false, {"a@x", "b@x", "c@x"});
  EXPECT_TRUE(list.will_be().empty());
  EXPECT_EQ(list.may_be().size(), 3u);  // either may fail
  EXPECT_EQ(list.size_with({"d@x"}), 1u);
  list.end(added, true);
  EXPECT_EQ(list.addresses().size(), 3u);
  list.end(removed, true);
  EXPECT_TRUE(list.addresses().empty());
}

std::string parsed(std::string_view inner) {
  const auto document = xml::parse_element("<block xmlns='urn:xmpp:blocking'>" + std::string(inner) + "</block>");
  const auto addresses = parse_items(document->root());
  if (!addresses) return std::string(addresses.error().condition);
  std::string out;
  for (const auto& address : *addresses) out += address + ' ';
  return out;
}

TEST(Blocklist, ItemsArePreparedAndStandOnce) {
  EXPECT_EQ(parsed(" <item jid='B@X'/>\n<item jid='a@x/R'/><item jid='b@x'/>"), "b@x a@x/R ");
  EXPECT_EQ(parsed(""), "");
  EXPECT_EQ(parsed("<item/>"), "bad-request");
  EXPECT_EQ(parsed("<item jid='a@x'/><item xmlns='urn:other' jid='b@x'/>"), "bad-request");
  EXPECT_EQ(parsed("<item jid='a@x'/><item jid=''/>"), "jid-malformed");
  EXPECT_EQ(parsed("<item jid='" + std::string(1023, 'a') + "@x/" + std::string(1022, 'r') + "'/>"), "not-acceptable");
}

}  // namespace
}  // namespace valise::modules::blocking
