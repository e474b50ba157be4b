// What administrators read and change of memories (valisectl policy memory).
#include "policy/memories.hpp"
#include "policies.hpp"

namespace valise::policy::test {
namespace {

using testing::HasSubstr;

constexpr std::int64_t now = 1'000'000, hour = 3'600'000;

PolicyOptions lower() {
  PolicyOptions options;
  options.normalise = [](std::string_view jid) -> std::optional<std::string> {
    if (jid.find(' ') != std::string_view::npos) return std::nullopt;
    std::string out(jid);
    for (char& c : out) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
    return out;
  };
  return options;
}

constexpr const char* rules = R"(
  local crisis = memory{ name = 'crisis', lifetime = '4h', durable = true }
  local known = memory{ name = 'known', keys = 100 }
  rule{ name = 'all', match = Kind('message') * Remembers(crisis, 'all'), action = Deny('forbidden') }
  rule{ name = 'one', match = Kind('message') * Remembers(known, 'from'), action = Drop() }
  rule{ name = 'text', match = function(m) return known:get('word') == 'x y' end, action = Deny('conflict') })";

TEST(Memories, AreListedWithoutTheirKeys) {
  const auto set = loaded(rules);
  const Memories memories(*set);
  ASSERT_TRUE(memories.set("known", "a@b", "1", "", now));
  ASSERT_TRUE(memories.set("known", "c@d", "1", "1h", now));
  const auto list = memories.list(now);
  ASSERT_EQ(list.size(), 2u);
  EXPECT_EQ(list[0].name, "crisis");
  EXPECT_EQ(list[0].used, 0u);
  EXPECT_EQ(list[0].lifetime_ms, 4 * hour);
  EXPECT_TRUE(list[0].durable);
  EXPECT_EQ(list[1].used, 2u);
  EXPECT_EQ(list[1].keys, 100u);
  EXPECT_LT(list[1].lifetime_ms, 0);
  EXPECT_EQ(memories.list(now + hour)[1].used, 1u);
}

TEST(Memories, WhatIsSetIsWhatRulesRemember) {
  const auto set = loaded(rules, lower());
  const Memories memories(*set);
  auto facts = message();
  facts.now_ms = now;
  EXPECT_EQ(set->decide(facts).verdict, Verdict::allow);
  ASSERT_TRUE(memories.set("known", "Alice@Example.org", "1", "", now));
  EXPECT_EQ(set->decide(facts).rule, "one");
  ASSERT_TRUE(memories.set("crisis", "all", "1", "", now));
  EXPECT_EQ(set->decide(facts).rule, "all");
  facts.now_ms = now + 4 * hour;
  EXPECT_EQ(set->decide(facts).rule, "one");
  EXPECT_EQ(memories.forget("known", "alice@example.org", now), true);
  EXPECT_EQ(memories.forget("known", "alice@example.org", now), false);
  EXPECT_EQ(set->decide(facts).verdict, Verdict::allow);
  ASSERT_TRUE(memories.set("known", "word", "x y", "7d", now));
  EXPECT_EQ(set->decide(facts).rule, "text");
}

TEST(Memories, TellWhatTheyHave) {
  const auto set = loaded(rules);
  const Memories memories(*set);
  EXPECT_FALSE(memories.get("crisis", "all", now)->has_value());
  ASSERT_TRUE(memories.set("crisis", "all", "-7", "90s", now));
  const auto value = memories.get("crisis", "all", now + 1000).value().value();
  EXPECT_EQ(value.number, -7);
  EXPECT_EQ(value.since_ms, now);
  EXPECT_EQ(value.expires_ms, now + 90'000);
  EXPECT_EQ(memories.set("known", "a@b", "1", "", now)->expires_ms, Memory::never);
}

TEST(Memories, WhatCannotBeIsAnErrorAndChangesNothing) {
  const auto set = loaded(rules, lower());
  const Memories memories(*set);
  EXPECT_THAT(memories.get("crises", "all", now).error(), HasSubstr("the nearest is \"crisis\""));
  EXPECT_THAT(memories.set("known", "", "1", "", now).error(), HasSubstr("a key has"));
  EXPECT_THAT(memories.set("known", "a b@c", "1", "", now).error(), HasSubstr("is not an address"));
  EXPECT_THAT(memories.set("known", "a@b/c", "1", "", now).error(), HasSubstr("nothing behind"));
  for (const char* lifetime : {"4", "h", "4 h", "-1h", "0s", "99999d", "4w"}) {
    EXPECT_THAT(memories.set("known", "a@b", "1", lifetime, now).error(), HasSubstr("a lifetime is")) << lifetime;
  }
  EXPECT_THAT(memories.set("known", "a@b", "", "", now).error(), HasSubstr("a value is"));
  EXPECT_THAT(memories.set("known", "a@b", std::string(257, 'x'), "", now).error(), HasSubstr("a value is"));
  EXPECT_EQ(memories.list(now)[1].used, 0u);
}

}  // namespace
}  // namespace valise::policy::test
