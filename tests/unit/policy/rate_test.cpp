#include <set>

#include "policies.hpp"

namespace valise::policy::test {
namespace {

constexpr const char* limiter =
    "rule{ name = 'r', match = Rate{ per = 'from', rate = 2, burst = 5 }, action = Drop() }";

int passed(PolicySet& set, const Facts& facts, int tries) {
  int count = 0;
  for (int i = 0; i < tries; ++i) count += set.decide(facts).verdict == Verdict::allow ? 1 : 0;
  return count;
}

TEST(Rate, LetsTheBurstPassThenTheRate) {
  const auto set = loaded(limiter);
  auto facts = message();
  EXPECT_EQ(passed(*set, facts, 20), 5);
  facts.now_ms += 499;
  EXPECT_EQ(passed(*set, facts, 20), 0);
  facts.now_ms += 1;
  EXPECT_EQ(passed(*set, facts, 20), 1);
  facts.now_ms += 1000;
  EXPECT_EQ(passed(*set, facts, 20), 2);
  facts.now_ms += 1'000'000;
  EXPECT_EQ(passed(*set, facts, 20), 5);  // never more than the burst
}

TEST(Rate, CountsEachKeyAlone) {
  const auto set = loaded(limiter);
  auto facts = message();
  EXPECT_EQ(passed(*set, facts, 20), 5);
  facts.from.bare = "carol@example.org";
  EXPECT_EQ(passed(*set, facts, 20), 5);
}

TEST(Rate, KeysFollowPer) {
  const auto keys = [](const std::string& per, auto change) {
    const auto set =
        loaded("rule{ name = 'r', match = Rate{ per = '" + per + "', rate = 1, burst = 1 }, action = Drop() }");
    auto facts = message();
    EXPECT_EQ(passed(*set, facts, 5), 1);
    change(facts);
    return passed(*set, facts, 5) == 1;  // another key
  };
  EXPECT_TRUE(keys("to", [](Facts& f) { f.to.bare = "x@y"; }));
  EXPECT_FALSE(keys("to", [](Facts& f) { f.from.bare = "x@y"; }));
  EXPECT_FALSE(keys("from_domain", [](Facts& f) { f.from.bare = "x@example.org"; }));
  EXPECT_TRUE(keys("pair", [](Facts& f) { f.to.bare = "x@y"; }));
  EXPECT_TRUE(keys("ip", [](Facts& f) { f.ip = *IpAddress::parse("192.0.2.8"); }));
  EXPECT_FALSE(keys("all", [](Facts& f) { f.from.bare = "x@y"; }));
}

TEST(Rate, AnIpv6NetworkIsOneKey) {
  const auto set = loaded("rule{ name = 'r', match = Rate{ per = 'ip', rate = 1, burst = 1 }, action = Drop() }");
  auto facts = message();
  facts.ip = *IpAddress::parse("2001:db8:1:2::1");
  EXPECT_EQ(passed(*set, facts, 5), 1);
  facts.ip = *IpAddress::parse("2001:db8:1:2:ffff::9");
  EXPECT_EQ(passed(*set, facts, 5), 0);
  facts.ip = *IpAddress::parse("2001:db8:1:3::1");
  EXPECT_EQ(passed(*set, facts, 5), 1);
}

TEST(Rate, AFloodOfKeysDoesNotFreeWhoIsOverTheLimit) {
  const auto set =
      loaded("rule{ name = 'r', match = Rate{ per = 'from', rate = 0.001, burst = 5, keys = 100 }, action = Drop() }");
  auto facts = message();
  EXPECT_EQ(passed(*set, facts, 6), 5);
  int freed = 0;
  for (int i = 0; i < 10'000; ++i) {
    const auto other = "u" + std::to_string(i) + "@x";
    auto flood = message();
    flood.from.bare = other;
    EXPECT_EQ(set->decide(flood).verdict, Verdict::allow);  // nor is somebody new punished
    if (i % 100 == 0) freed += passed(*set, facts, 1);
  }
  EXPECT_EQ(freed, 0);
}

TEST(Rate, AClockThatStandsOrStepsBackEarnsNothing) {
  const auto set = loaded(limiter);
  auto facts = message();
  EXPECT_EQ(passed(*set, facts, 20), 5);
  facts.now_ms -= 100'000;
  EXPECT_EQ(passed(*set, facts, 20), 0);
}

TEST(Rate, CountsOnlyWhatReachesIt) {
  const auto set = loaded(R"(
    rule{ name = 'a', match = Kind('presence') * Rate{ per = 'from', rate = 1, burst = 1 }, action = Drop() }
    rule{ name = 'b', match = Rate{ per = 'to', rate = 1, burst = 3 } * Kind('presence'), action = Drop() })");
  auto facts = message();
  EXPECT_EQ(passed(*set, facts, 3), 3);  // messages: counted by b, dropped by none
  facts.event = Event::presence;
  const auto decision = set->decide(facts);
  EXPECT_EQ(decision.rule, "b");  // a let its first presence pass; b had seen three events already
}

}  // namespace
}  // namespace valise::policy::test
