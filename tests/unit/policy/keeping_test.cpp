// What is kept from one decision to the next: limiters and memories, shared by sets, over reloads and in the store.
#include "policies.hpp"
#include "policy/shared.hpp"

#include <atomic>
#include <thread>

namespace valise::policy::test {
namespace {

using testing::HasSubstr;

PolicyOptions sharing(const std::shared_ptr<Shared>& shared) {
  PolicyOptions options;
  options.shared = shared;
  return options;
}

int passed(PolicySet& set, const Facts& facts, int tries) {
  int count = 0;
  for (int i = 0; i < tries; ++i) count += set.decide(facts).verdict == Verdict::allow ? 1 : 0;
  return count;
}

constexpr const char* limiter =
    "rule{ name = 'r', match = Rate{ per = 'from', rate = 0.01, burst = 5 }, action = Drop() }";
constexpr const char* visits = R"(
  local seen = memory{ name = 'seen', lifetime = '10s' }
  rule{ name = 'again', match = Remembers(seen, 'from'), action = Drop() }
  rule{ name = 'first', match = Always(), action = Remember(seen, 'from') })";

TEST(Keeping, ShardsCountInOneLimiter) {
  const auto shared = std::make_shared<Shared>();
  const auto one = loaded(limiter, sharing(shared)), other = loaded(limiter, sharing(shared));
  EXPECT_EQ(passed(*one, message(), 3), 3);
  EXPECT_EQ(passed(*other, message(), 9), 2);
}

TEST(Keeping, AReloadForgetsNothing) {
  const auto shared = std::make_shared<Shared>();
  auto set = loaded(limiter, sharing(shared));
  EXPECT_EQ(passed(*set, message(), 9), 5);
  auto next = loaded("\n\n" + std::string(limiter), sharing(shared));
  set.reset();
  EXPECT_EQ(passed(*next, message(), 9), 0);
  // Other numbers are another limiter, unless it has a name.
  next = loaded("rule{ name = 'r', match = Rate{ per = 'from', rate = 0.02, burst = 5 }, action = Drop() }",
                sharing(shared));
  EXPECT_EQ(passed(*next, message(), 9), 5);
}

TEST(Keeping, ANamedLimiterGoesOnWithOtherNumbersAndAnotherSize) {
  const auto shared = std::make_shared<Shared>();
  const auto with = [&](const char* numbers) {
    return loaded("rule{ name = 'r', match = Rate{ name = 'n', per = 'from', rate = 0.01, burst = 5, " +
                      std::string(numbers) + " }, action = Drop() }",
                  sharing(shared));
  };
  auto set = with("keys = 100");
  EXPECT_EQ(passed(*set, message(), 9), 5);
  auto larger = with("keys = 5000");
  EXPECT_EQ(passed(*larger, message(), 9), 0);
  larger.reset();  // it failed to become the one in force: the one before goes on
  EXPECT_EQ(passed(*with("keys = 100"), message(), 9), 0);
}

TEST(Keeping, WhatNoRuleHoldsIsGone) {
  const auto shared = std::make_shared<Shared>();
  EXPECT_EQ(passed(*loaded(limiter, sharing(shared)), message(), 9), 5);
  EXPECT_EQ(passed(*loaded(limiter, sharing(shared)), message(), 9), 5);
}

TEST(Keeping, MemoriesExpire) {
  const auto set = loaded(visits);
  auto facts = message();
  EXPECT_EQ(passed(*set, facts, 3), 1);
  facts.from.bare = "carol@example.org";
  EXPECT_EQ(passed(*set, facts, 3), 1);
  facts.now_ms += 9'999;
  EXPECT_EQ(passed(*set, facts, 1), 0);
  facts.now_ms += 1;
  EXPECT_EQ(passed(*set, facts, 1), 1);
}

TEST(Keeping, WithinAsksForItsAge) {
  const auto set = loaded(R"(
    local seen = memory{ name = 'seen' }
    rule{ name = 'lately', match = Remembers(seen, 'from', '5s'), action = Drop() }
    rule{ name = 'first', match = -Remembers(seen, 'from'), action = Remember(seen, 'from') })");
  auto facts = message();
  EXPECT_EQ(passed(*set, facts, 2), 1);
  facts.now_ms += 5'001;
  EXPECT_EQ(passed(*set, facts, 2), 2);
}

TEST(Keeping, CountsAndForgets) {
  const auto set = loaded(R"(
    local sent = memory{ name = 'sent', lifetime = '1d' }
    rule{ name = 'reset', match = Kind('presence'), action = { Forget(sent, 'pair'), Allow() } }
    rule{ name = 'third', match = Counted(sent, 'pair', '>=', 3), action = Drop() }
    rule{ name = 'count', match = Always(), action = Count(sent, 'pair') })");
  auto facts = message();
  EXPECT_EQ(passed(*set, facts, 9), 3);
  facts.event = Event::presence;
  EXPECT_EQ(passed(*set, facts, 1), 1);
  facts.event = Event::message;
  EXPECT_EQ(passed(*set, facts, 9), 3);
}

TEST(Keeping, FunctionsReadAndWriteWhatRulesDo) {
  const auto set = loaded(R"(
    local m1 = memory{ name = 'm1' }
    local l1 = limiter{ name = 'l1', rate = 0.01, burst = 2 }
    rule{ name = 'mark', match = Kind('presence'), action = { Count(m1, 'from', 41), Allow() } }
    rule{ name = 'f', match = function(m)
      assert(m1:get('nobody') == nil and m1:age('nobody') == nil)
      assert(m1:add(m.from) == 42 and m1:get(m.from) == 42)
      m1:set('x', 'a text', '1h') assert(m1:get('x') == 'a text') assert(m1:add('x', 7) == 7)
      m1:set('y', true) assert(m1:get('y') == 1) m1:forget('y') assert(m1:get('y') == nil)
      assert(m1:age(m.from) == 3)
      return l1:over('k') == false and l1:over('k') == false and l1:over('k') == true
    end, action = Deny('forbidden') })");
  auto facts = message();
  facts.event = Event::presence;
  EXPECT_EQ(set->decide(facts).rule, "mark");
  facts.event = Event::message;
  facts.now_ms += 3'000;
  EXPECT_EQ(set->decide(facts).verdict, Verdict::deny);
  EXPECT_EQ(set->last_error(), "");
}

TEST(Keeping, KeysMayHaveSeveralParts) {
  const auto set = loaded(
      "rule{ name = 'r', match = Rate{ per = { 'from', 'to_domain' }, rate = 0.01, burst = 1 }, action = Drop() }");
  auto facts = message();
  EXPECT_EQ(passed(*set, facts, 3), 1);
  facts.to.bare = "other@example.org";
  EXPECT_EQ(passed(*set, facts, 3), 0);
  facts.to.domain = "example.net";
  EXPECT_EQ(passed(*set, facts, 3), 1);
}

TEST(Keeping, BadArgumentsSayWhatIsTaken) {
  EXPECT_THAT(fault("limiter{ rate = 1 }"), HasSubstr("a limiter's name"));
  EXPECT_THAT(fault("memory{ name = 'a b' }"), HasSubstr("letters, digits"));
  EXPECT_THAT(fault("memory{ name = 'a', lifetime = '5w' }"), HasSubstr("\"15m\""));
  EXPECT_THAT(fault("memory{ name = 'a', lifetme = 5 }"), HasSubstr("the nearest is \"lifetime\""));
  EXPECT_THAT(fault("Over(memory{ name = 'a' }, 'from')"), HasSubstr("Over takes a limiter first, not a"));
  EXPECT_THAT(fault("Remembers('a', 'from')"), HasSubstr("takes a memory first, not a string"));
  EXPECT_THAT(fault("Remembers(memory{ name = 'a' }, 'form')"), HasSubstr("the nearest is \"from\""));
  EXPECT_THAT(fault("memory{ name = 'a' }:gett('x')"),
              HasSubstr("there is no method \"gett\"; the nearest is \"get\""));
  EXPECT_THAT(fault("memory{ name = 'a' }:get('x')"), HasSubstr("only while the rule's function runs"));
  EXPECT_THAT(fault("memory{ name = 'a', durable = true, keys = 10001 }"), HasSubstr("from 1 to 10000"));
  EXPECT_THAT(fault("Rate{ per = 'from', rate = 1, durable = true }"), HasSubstr("a durable Rate has a name"));
  EXPECT_THAT(fault("for i = 1, 65 do memory{ name = 'n' .. i, keys = 1 } end"), HasSubstr("at most 64"));
  EXPECT_THAT(fault("for i = 1, 11 do memory{ name = 'n' .. i, keys = 100000 } end"), HasSubstr("1000000 keys in all"));
  EXPECT_THAT(fault("Rate{ per = 'all', rate = 0.0001, burst = 1e6 }"), HasSubstr("30 years"));
}

constexpr const char* lasting = R"(
  local m1 = memory{ name = 'm1', durable = true }
  local passing = memory{ name = 'passing' }
  rule{ name = 'limit', match = Rate{ name = 'l1', per = 'from', rate = 0.01, burst = 5, durable = true }, action = Drop() }
  rule{ name = 'f', match = function(m)
    if m.size == 1 then m1:set('k', 'été', '1h') m1:add('n', -7) passing:set('k', 1) return false end
    assert(m1:get('k') == 'été' and m1:get('n') == -35 and m1:age('n') == 60 and passing:get('k') == nil) return false
  end, action = Drop() })";

TEST(Durable, WhatWasStoredGoesOnOnAnotherClock) {
  std::vector<Shared::Row> rows;
  {
    const auto shared = std::make_shared<Shared>();
    const auto set = loaded(lasting, sharing(shared));
    auto facts = message();  // at 1,000 s of its clock
    facts.size = 1;
    EXPECT_EQ(passed(*set, facts, 9), 5);
    rows = shared->changed(5'000'000);
    EXPECT_GE(rows.size(), 2u);
    EXPECT_TRUE(shared->changed(5'000'000).empty());
    shared->not_stored(rows[0].name);
    ASSERT_EQ(shared->changed(5'000'000).size(), 1u);
    for (const auto& row : rows) EXPECT_EQ(row.value.find("alice"), std::string::npos);
  }
  const auto shared = std::make_shared<Shared>();
  const auto set = loaded(lasting, sharing(shared));
  // The new process has begun 60 s later, and its clock at 10 s.
  EXPECT_TRUE(shared->load(rows, 5'000'000 + 1'000'000 + 60'000 - 10'000).empty());
  auto facts = message();
  facts.now_ms = 10'000;
  EXPECT_EQ(set->decide(facts).verdict, Verdict::drop);
  facts.from.bare = "other@example.org";
  EXPECT_EQ(set->decide(facts).reason, Reason::no_rule) << set->last_error();
}

TEST(Durable, DamagedRowsAndThoseOfNobodyAreLeftOut) {
  const auto shared = std::make_shared<Shared>();
  const auto set = loaded(lasting, sharing(shared));
  const std::vector<Shared::Row> rows{{"memory/m1/07", "2 1 1\n"},   {"memory/m1/64", "1 1 1\n"},
                                      {"memory/gone/00", "1 1 1\n"}, {"nonsense", ""},
                                      {"memory/m1/xx", "1 1 1\n"},   {"memory/passing/00", "1 1 1\n"},
                                      {"memory/m1/08", "1 zz 1\n"},  {"memory/m1/09", ""}};
  EXPECT_EQ(shared->load(rows, 0).size(), rows.size());
  EXPECT_TRUE(shared
                  ->load({{"memory/m1/01", "1 a b\nx\n5 1 0\n5 1 0 1 zz\n0 1 0 1 \n\n5 9223372036854775807 1 1 \n"},
                          {"limiter/Rate:l1/01", "1 a b\n\n7\n7 x\n7 9223372036854775807\n"}},
                         INT64_MAX)
                  .empty());
  EXPECT_EQ(set->decide(message()).verdict == Verdict::drop, false);
}

TEST(Limiter, ThreadsTogetherKeepTheLimit) {
  Limiter table("l", 100, false, nullptr);
  const auto limit = Limiter::Limit::of(0.001, 10'000);
  std::atomic<int> let = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 5'000; ++i) let += table.over(table.key_of("k"), 1000, limit) ? 0 : 1;
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_GE(let.load(), 10'000);
  EXPECT_LE(let.load(), 10'004);  // one a shard: two may have made the bucket at once
}

TEST(Memory, IsBoundedAndLetsGoOfWhatExpiresFirst) {
  Memory table("m", 64, false, nullptr);
  table.set(table.key_of("kept"), {.number = 1, .text = {}, .since_ms = 0, .expires_ms = Memory::never});
  int there = 0;
  for (int i = 0; i < 100'000; ++i) {
    table.set(table.key_of(std::to_string(i)), {.number = i, .text = {}, .since_ms = 0, .expires_ms = 1000 + i});
  }
  for (int i = 0; i < 100'000; ++i) there += table.since(table.key_of(std::to_string(i)), 0).has_value() ? 1 : 0;
  EXPECT_LE(there, 64 * 8);
  EXPECT_GE(there, 64);
  EXPECT_TRUE(table.since(table.key_of("kept"), 0).has_value());
}

TEST(Memory, SumsStopAtTheirEnds) {
  Memory table("m", 64, false, nullptr);
  EXPECT_EQ(table.add(1, INT64_MAX, 0, Memory::never), INT64_MAX);
  EXPECT_EQ(table.add(1, 5, 0, Memory::never), INT64_MAX);
}

}  // namespace
}  // namespace valise::policy::test
