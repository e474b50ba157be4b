// Who only asks what would be decided changes nothing: no limiter, no memory, no notice.
#include "policies.hpp"
#include "policy/explain.hpp"

namespace valise::policy::test {
namespace {

// Explaining as often as one likes, then deciding: the outcomes of the latter.
std::vector<Verdict> decided_after_looking(const std::string& source) {
  const auto set = loaded(source);
  std::vector<Verdict> out;
  for (int i = 0; i < 3; ++i) {
    for (int k = 0; k < 5; ++k) static_cast<void>(explain(*set, message()));
    out.push_back(set->decide(message()).verdict);
  }
  return out;
}
using testing::ElementsAre;

TEST(Looks, TakeNothingFromALimiter) {
  const auto verdicts = ElementsAre(Verdict::allow, Verdict::allow, Verdict::deny);
  EXPECT_THAT(decided_after_looking("local l = limiter{ name = 'l', rate = 1, burst = 2 }\n"
                                    "rule{ name = 'r', match = Over(l, 'from'), action = Deny('forbidden') }"),
              verdicts);
  EXPECT_THAT(decided_after_looking("local l = limiter{ name = 'l', rate = 1, burst = 2 }\n"
                                    "rule{ name = 'r', match = function(m) return l:over(m.from) end, "
                                    "action = Deny('forbidden') }"),
              verdicts);
}

TEST(Looks, RememberAndCountNothing) {
  EXPECT_THAT(decided_after_looking("local m = memory{ name = 'm' }\n"
                                    "rule{ name = 'known', match = Remembers(m, 'from'), action = Deny('forbidden') }\n"
                                    "rule{ name = 'new', match = Always(), action = Remember(m, 'from') }"),
              ElementsAre(Verdict::allow, Verdict::deny, Verdict::deny));
  const auto third = ElementsAre(Verdict::allow, Verdict::allow, Verdict::deny);
  EXPECT_THAT(
      decided_after_looking("local m = memory{ name = 'm' }\n"
                            "rule{ name = 'c', match = Always(), action = Count(m, 'from') }\n"
                            "rule{ name = 'r', match = Counted(m, 'from', '>', 2), action = Deny('forbidden') }"),
      third);
  EXPECT_THAT(decided_after_looking("local m = memory{ name = 'm' }\n"
                                    "rule{ name = 'r', match = function(f) return m:add(f.from) > 2 end, "
                                    "action = Deny('forbidden') }"),
              third);
}

TEST(Looks, ForgetNothing) {
  EXPECT_THAT(decided_after_looking("local m, start = memory{ name = 'm' }, memory{ name = 's' }\n"
                                    "rule{ name = 'first', match = -Remembers(start, 'all'), "
                                    "action = { Remember(start, 'all'), Remember(m, 'from') } }\n"
                                    "rule{ name = 'known', match = Remembers(m, 'from'), "
                                    "action = { Forget(m, 'from'), Deny('forbidden') } }"),
              ElementsAre(Verdict::deny, Verdict::allow, Verdict::allow));
}

TEST(Looks, TellNoAdministrator) {
  const auto set = loaded("rule{ name = 'r', match = Always(), action = Notify('look', '1h') }");
  static_cast<void>(explain(*set, message()));
  EXPECT_EQ(set->decide(message()).notice_count, 1u);
  EXPECT_EQ(set->decide(message()).notice_count, 0u);
}

TEST(Looks, RulesOnTrialKeepNothingAndNoChainBehindThemDoes) {
  const auto set = loaded(R"(
local m, l = memory{ name = 'm' }, limiter{ name = 'l', rate = 1, burst = 1 }
rule{ name = 'trial', match = Always(), action = { Remember(m, 'from'), Jump('c') }, shadow = true }
rule{ name = 'known', match = Remembers(m, 'from'), action = Deny('forbidden') }
rule{ name = 'over', match = Over(l, 'from'), action = Deny('not-allowed') }
chain{ name = 'c',
  rule{ name = 'taken', match = Over(l, 'from') * HasTag('no'), action = Allow() },
  rule{ name = 'refuses', match = Kind('message'), action = { Count(m, 'from'), Drop() } } })");
  const auto first = set->decide(message());
  EXPECT_EQ(first.verdict, Verdict::allow);
  EXPECT_EQ(first.shadow, "trial");
  EXPECT_EQ(first.shadow_verdict, Verdict::drop);
  EXPECT_EQ(set->decide(message()).rule, "over");
  EXPECT_EQ(set->describe()[0].would_refuse, 2u);
  for (const auto& rule : set->describe()) {
    if (rule.chain != "c") continue;
    EXPECT_EQ(rule.hits, 0u) << rule.name;
  }
}

}  // namespace
}  // namespace valise::policy::test
