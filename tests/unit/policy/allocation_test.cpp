// Native rules allocate nothing: counted, not believed.
#include "../count_allocations.hpp"
#include "policies.hpp"

#ifdef COUNTS_ALLOCATIONS

namespace valise::policy::test {
namespace {

TEST(Allocations, ADecisionOfNativeRulesMakesNone) {
  const auto set = loaded(R"(
    local many = {} for i = 1, 1000 do many[i] = 'u' .. i .. '@example.org' end
    for i = 1, 25 do
      rule{ name = 'a' .. i, match = From{accounts = many} * Kind('message'), action = Deny('forbidden') }
      rule{ name = 'b' .. i, match = From{domain = '*.guests.example'} + To('*-bot@*'), action = Drop() }
      rule{ name = 'c' .. i, match = From('alice@example.org/tablet') + Network{'10.0.0.0/8', '2001:db8::/32'}, action = Drop() }
      rule{ name = 'd' .. i, match = -Rate{ per = 'pair', rate = 1e6, burst = 1e6 } * Weekday('mon') * Hours('08:00-19:00'),
            action = Tag('working hours') }
    end)");
  const auto facts = message();
  (void)set->decide(facts);
  const auto before = allocations.load();
  std::uint32_t matched = 0;
  for (int i = 0; i < 1000; ++i) matched += set->decide(facts).matched;
  EXPECT_EQ(allocations.load() - before, 0u);
  EXPECT_EQ(matched, 25'000u);
}

}  // namespace
}  // namespace valise::policy::test

#endif
