#include "modules/blocking/blocklist.hpp"

#include <gtest/gtest.h>

#include "../count_allocations.hpp"

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
  EXPECT_TRUE(list.will_hold("b@x"));
  EXPECT_TRUE(list.surely_holds("a@x"));
  EXPECT_FALSE(list.surely_holds("b@x"));
  list.end(first, false);
  EXPECT_FALSE(list.matches("b@x"));
  EXPECT_FALSE(list.will_hold("b@x"));
  list.end(list.begin(true, {"b@x"}), true);
  EXPECT_TRUE(list.matches("b@x"));
  EXPECT_TRUE(list.surely_holds("b@x"));
  const auto again = list.begin(true, {"b@x"});
  EXPECT_FALSE(list.surely_holds("b@x")) << "something is under way";
  list.end(again, false);
}

TEST(Blocklist, CountsWhatIsUnderWay) {
  Blocklist list({"a@x"});
  const auto added = list.begin(true, {"b@x", "c@x"});
  EXPECT_EQ(list.size_with({"a@x", "b@x", "d@x"}), 4u);
  EXPECT_EQ(list.will_be(), (std::vector<std::string>{"a@x", "b@x", "c@x"}));
  const auto removed = list.begin(false, {"a@x", "b@x", "c@x"});
  EXPECT_TRUE(list.will_be().empty());
  for (const auto* address : {"a@x", "b@x", "c@x"}) EXPECT_TRUE(list.may_hold(address)) << "either may fail";
  EXPECT_FALSE(list.may_hold("d@x"));
  EXPECT_EQ(list.size_with({"d@x"}), 1u);
  list.end(added, true);
  EXPECT_EQ(list.addresses().size(), 3u);
  list.end(removed, true);
  EXPECT_TRUE(list.addresses().empty());
  EXPECT_EQ(list.size_with({}), 0u);
}

// Random changes, of which some fail and some come back out of order, against a model that looks through all of them.
TEST(Blocklist, IsWhatAllThatIsUnderWaySays) {
  Blocklist list({"1@x", "2@x"});
  std::vector<Blocklist::Change> under_way;
  std::uint32_t state = 1;
  const auto random = [&state](std::uint32_t below) {
    return (state = state * 1'664'525 + 1'013'904'223) / 65'536 % below;
  };
  for (int i = 0; i < 5'000; ++i) {
    if (under_way.empty() || random(2) == 0) {
      std::vector<std::string> addresses;
      for (std::uint32_t one = random(4); one < 8; one += 1 + random(4))
        addresses.push_back(std::to_string(one) + "@x");
      under_way.push_back(list.begin(random(2) == 0, addresses));
    } else {
      const auto at =
          under_way.begin() +
          (random(4) == 0 ? static_cast<std::ptrdiff_t>(random(static_cast<std::uint32_t>(under_way.size()))) : 0);
      list.end(*at, random(3) != 0);
      under_way.erase(at);
    }
    auto model = list.addresses();
    for (const auto& change : under_way) {
      for (const auto& address : change.addresses) {
        if (change.adds) model.insert(address);
        if (!change.adds) model.erase(address);
      }
    }
    ASSERT_EQ(list.will_be(), std::vector<std::string>(model.begin(), model.end())) << i;
    ASSERT_EQ(list.size_with({}), model.size()) << i;
  }
}

#ifdef COUNTS_ALLOCATIONS
// A store that is away for long: what one more change costs does not grow with those that wait.
TEST(Blocklist, AChangeCostsTheSameHoweverManyAreUnderWay) {
  Blocklist list;
  std::vector<Blocklist::Change> under_way;
  under_way.reserve(2'000);
  const auto cost_of = [&](int number) {
    const auto before = allocations.load();
    for (const bool adds : {true, false}) {
      const std::vector<std::string> addresses{"somebody" + std::to_string(number) + "@a.long.domain.example"};
      (void)list.size_with(addresses);
      (void)list.may_hold(addresses.front());
      under_way.push_back(list.begin(adds, addresses));
    }
    return allocations.load() - before;
  };
  const auto first = cost_of(0);
  for (int i = 1; i < 999; ++i) (void)cost_of(i);
  EXPECT_LE(cost_of(999), first);
  EXPECT_EQ(list.size_with({}), 0u);
}
#endif

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
