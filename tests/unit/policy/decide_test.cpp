#include "policies.hpp"

namespace valise::policy::test {
namespace {

using testing::HasSubstr;

TEST(Decide, WithoutARuleThatMatchesItIsAllowed) {
  const auto set = loaded("");
  const auto decision = set->decide(message());
  EXPECT_EQ(decision.verdict, Verdict::allow);
  EXPECT_EQ(decision.reason, Reason::no_rule);
  EXPECT_EQ(decision.rule, "");
}

TEST(Decide, TheFirstRuleThatDecidesWins) {
  const auto set = loaded(R"(
    rule{ name = "first", match = Size(">", 10000), action = Drop() }
    rule{ name = "second", match = Kind("message"), action = Allow() }
    rule{ name = "third", match = Always(), action = Deny("forbidden") })");
  const auto decision = set->decide(message());
  EXPECT_EQ(decision.verdict, Verdict::allow);
  EXPECT_EQ(decision.reason, Reason::rule);
  EXPECT_EQ(decision.rule, "second");
  auto presence = message();
  presence.event = Event::presence;
  EXPECT_EQ(set->decide(presence).rule, "third");
  const auto rules = set->describe();
  EXPECT_EQ(rules[0].hits, 0u);
  EXPECT_EQ(rules[1].hits, 1u);
  EXPECT_EQ(rules[2].hits, 1u);
  EXPECT_EQ(set->counters().decisions, 2u);
  EXPECT_EQ(set->counters().denied, 1u);
}

TEST(Decide, ARefusalHasConditionTypeAndBothTexts) {
  const auto set = loaded(R"(
    rule{ name = "a", match = Kind("message"), action = Deny{ "forbidden", fr = "Écrivez au guichet.", en = "Write to the desk." } }
    rule{ name = "b", match = Kind("iq"), action = Deny("resource-constraint") }
    rule{ name = "c", match = Kind("presence"), action = Deny{ "policy-violation", type = "wait" } })");
  auto facts = message();
  auto decision = set->decide(facts);
  EXPECT_EQ(decision.error.condition, "forbidden");
  EXPECT_EQ(decision.error.type, "auth");
  EXPECT_EQ(decision.text_fr, "Écrivez au guichet.");
  EXPECT_EQ(decision.text_en, "Write to the desk.");
  facts.event = Event::iq;
  decision = set->decide(facts);
  EXPECT_EQ(decision.error.type, "wait");
  EXPECT_FALSE(decision.text_fr.empty());
  EXPECT_FALSE(decision.text_en.empty());
  facts.event = Event::presence;
  EXPECT_EQ(set->decide(facts).error.type, "wait");
}

TEST(Decide, AShadowRuleCountsAndDoesNotAct) {
  const auto set = loaded(R"(
    rule{ name = "trial", match = Always(), action = Drop(), shadow = true }
    rule{ name = "bad trial", match = function(m) error("x") end, action = Drop(), shadow = true })");
  EXPECT_EQ(set->decide(message()).verdict, Verdict::allow);
  EXPECT_EQ(set->describe()[0].hits, 1u);
  EXPECT_EQ(set->describe()[1].errors, 1u);
}

TEST(Decide, LogGoesOn) {
  const auto set = loaded("rule{ name = 'l', match = Always(), action = { Log(), Drop() } }");
  EXPECT_EQ(set->decide(message()).verdict, Verdict::drop);
}

TEST(LuaFunctions, ReadEveryFact) {
  auto facts = message();
  facts.payload = "urn:x";
  const std::string_view tags[] = {"guest"};
  facts.tags = tags;
  facts.prekeys = 1;
  facts.unknown_devices = 2;
  facts.sealed_length = 64;
  facts.to.resource = "r";
  EXPECT_TRUE(matches(R"(function(m)
    return m.kind == "message" and m.direction == "out" and m.host == "example.org" and m.from == "alice@example.org"
      and m.from_domain == "example.org" and m.from_resource == "phone" and m.to == "bob@example.org"
      and m.to_domain == "example.org" and m.to_resource == "r" and m.type == "chat" and m.payload == "urn:x"
      and m.size == 900 and m.sealed == true and m.omemo == "legacy" and m.sid == 27183 and m.keys == 3
      and m.prekeys == 1 and m.unknown_devices == 2 and m.sealed_length == 64 and m.ip == "192.0.2.7"
      and m.mechanism == "SCRAM-SHA-256" and m.tls == "1.3" and m.language == "fr" and m.weekday == "mon"
      and m.hour == 10 and m.minute == 30 and m:has_tag("guest") and not m:has_tag("admin")
  end)",
                      facts));
}

TEST(LuaFunctions, AsActionsGoOnOrReturnAnActionMadeBefore) {
  const auto set = loaded(R"(
    local no = Deny{ "not-allowed", fr = "Non", en = "No" }
    rule{ name = "f", match = Always(), action = function(m) if m.size > 1000 then return no end end }
    rule{ name = "g", match = Always(), action = Tag("passed") })");
  auto facts = message();
  EXPECT_EQ(set->decide(facts).verdict, Verdict::allow);
  EXPECT_EQ(set->decide(facts).tag_count, 1u);
  facts.size = 1001;
  const auto decision = set->decide(facts);
  EXPECT_EQ(decision.verdict, Verdict::deny);
  EXPECT_EQ(decision.rule, "f");
  EXPECT_EQ(decision.text_en, "No");
}

TEST(LuaFunctions, MayUseGlobalsAndHelpersOfTheFile) {
  const auto set = loaded(R"(
    blocked = { ["eve@example.org"] = true }
    function is_blocked(jid) return blocked[jid] == true end
    rule{ name = "b", match = function(m) return is_blocked(m.from) end, action = Drop() })");
  auto facts = message();
  EXPECT_EQ(set->decide(facts).verdict, Verdict::allow);
  facts.from.bare = "eve@example.org";
  EXPECT_EQ(set->decide(facts).verdict, Verdict::drop);
}

// A failure of whatever kind denies, names the rule and is counted.
void expect_fails_closed(const std::string& function, const std::string& text) {
  const auto set = loaded("rule{ name = 'r', match = " + function +
                          ", action = Allow() }\n"
                          "rule{ name = 'after', match = Always(), action = Allow() }");
  ASSERT_TRUE(set);
  const auto decision = set->decide(message());
  EXPECT_EQ(decision.verdict, Verdict::deny) << function;
  EXPECT_EQ(decision.reason, Reason::policy_failed);
  EXPECT_EQ(decision.rule, "r");
  EXPECT_EQ(decision.error.condition, "internal-server-error");
  EXPECT_FALSE(decision.text_fr.empty());
  EXPECT_FALSE(decision.text_en.empty());
  EXPECT_EQ(set->counters().errors, 1u);
  EXPECT_EQ(set->describe()[0].errors, 1u);
  EXPECT_THAT(set->last_error(), HasSubstr(text)) << function;
  // and the next decision is as good as ever
  EXPECT_EQ(set->decide(message()).reason, Reason::policy_failed);
}

TEST(FailClosed, OnErrors) {
  expect_fails_closed("function(m) error('boom') end", "p.lua:1: boom");
  expect_fails_closed("function(m) error({}) end", "an error that is a table");
  expect_fails_closed("function(m) return nil + 1 end", "attempt to perform arithmetic");
  expect_fails_closed("function(m) return m.sise > 1 end", "there is no fact \"sise\"; the nearest is \"size\"");
  expect_fails_closed("function(m) return m[1] end", "there is no fact");
  expect_fails_closed("function(m) m.size = 1 end", "facts cannot be changed");
  expect_fails_closed("function(m) return strng.rep('x', 1) end", "unknown name \"strng\"; the nearest is \"string\"");
  expect_fails_closed("-(function(m) error('x') end * Always())", "x");  // a failure is not a no that -() makes a yes
  expect_fails_closed("function(m) error(('\\n\\27[31m'):rep(100)) end", "\\x0a\\x1b[31m");
}

TEST(FailClosed, OnOverruns) {
  expect_fails_closed("function(m) while true do end end", "instruction budget");
  expect_fails_closed("function(m) local s = m.from while true do s = s .. s end end", "memory budget");
  expect_fails_closed("function(m) return ('a'):rep(30):find(('a?'):rep(30) .. ('a'):rep(31)) end",
                      "instruction budget");
  expect_fails_closed("function(m) while true do pcall(function() while true do end end) end end", "budget");
}

TEST(FailClosed, OnActionsThatReturnSomethingElse) {
  const auto set = loaded("rule{ name = 'r', match = Always(), action = function(m) return 'deny' end }");
  EXPECT_EQ(set->decide(message()).reason, Reason::policy_failed);
  EXPECT_THAT(set->last_error(), HasSubstr("returns nothing or an action, not a string"));
}

TEST(FailClosed, WhenTagsFindNoRoom) {
  const auto set = loaded(R"(for i = 1, 9 do rule{ name = 'r' .. i, match = Always(), action = Tag('t' .. i) } end)");
  const auto decision = set->decide(message());
  EXPECT_EQ(decision.reason, Reason::policy_failed);
  EXPECT_EQ(decision.rule, "r9");
}

TEST(Frozen, GlobalsAndPartsAreFixedOnceLoaded) {
  expect_fails_closed("function(m) x = 1 end", "globals are frozen");
  expect_fails_closed("function(m) rule = nil end", "built in");
  expect_fails_closed("function(m) string.rep = nil end", "read-only");
  expect_fails_closed("function(m) return Kind('message') end", "call it while the file is loaded");
  expect_fails_closed("function(m) return Rate{ per = 'all', rate = 1 } end", "call it while the file is loaded");
  expect_fails_closed("function(m) rule{ name = 'x', match = Always(), action = Allow() } end",
                      "while the file is loaded");
  expect_fails_closed("function(m) return Always() * Always() end", "while the file is loaded");
}

TEST(Frozen, FactsAreGoneBetweenDecisions) {
  const auto set = loaded(R"(
    local kept
    rule{ name = 'keep', match = function(m) kept = m return false end, action = Allow() })");
  EXPECT_EQ(set->decide(message()).reason, Reason::no_rule);
  EXPECT_THAT(fault("local f rule{ name = 'x', match = function(m) f = m end, action = Allow() } return f.size"),
              HasSubstr("attempt to index a nil value"));
}

TEST(Determinism, TheSameFactsGetTheSameDecision) {
  const char* source = R"(
    rule{ name = "l", match = function(m) return #m.from > 10 and m.size % 2 == 0 end, action = Tag("even") }
    rule{ name = "d", match = HasTag("even") * function(m) return m.size > 5000 end, action = Deny("forbidden") })";
  const auto one = loaded(source);
  const auto other = loaded(source);
  auto facts = message();
  for (std::size_t size = 0; size < 10'000; size += 7) {
    facts.size = size;
    const auto a = one->decide(facts);
    const auto b = other->decide(facts);
    ASSERT_EQ(a.verdict, b.verdict);
    ASSERT_EQ(a.rule, b.rule);
  }
}

// A presence to many is decided once a contact: not at all, where no rule can match.
TEST(Concerns, NamesEventsAndDirectionsThatSomeRuleCanMatch) {
  const auto about = [](const char* match, Event event, Direction direction) {
    return loaded("rule{ name = 'r', match = " + std::string(match) + ", action = Drop() }")
        ->concerns(event, direction);
  };
  using enum Event;
  using enum Direction;
  for (const auto* both : {"Kind('presence')", "From('a@x.org')", "-Direction('out')", "-Kind('iq')",
                           "Rate{ per = 'from', rate = 1 } * Direction('out')", "Kind('iq') + Kind('presence')"}) {
    EXPECT_TRUE(about(both, presence, in)) << both;
  }
  for (const auto* never : {"Kind('message')", "Kind('presence') * Direction('out')", "Direction('out')",
                            "Direction('out') * Kind('presence') * Rate{ per = 'from', rate = 1 }",
                            "Direction('out') + Kind{ 'iq', 'message' }"}) {
    EXPECT_FALSE(about(never, presence, in)) << never;
  }
  EXPECT_TRUE(about("Kind('presence') * Direction('out')", presence, out));
  EXPECT_TRUE(about("Kind('presence') * Direction('in')", presence, in));
  EXPECT_FALSE(about("Kind('presence') * Direction('in')", presence, out));
  EXPECT_FALSE(loaded(PolicySet::stock())->concerns(presence, in)) << "the stock rules leave broadcasts cheap";
}

TEST(Shadow, TellsWhatWouldHaveBeenRefusedAndRefusesNothing) {
  const auto set = loaded(R"(
rule{ name = "tags", match = Always(), action = Tag("t"), shadow = true }
rule{ name = "allows", match = Always(), action = Allow(), shadow = true }
rule{ name = "by function", match = Kind("message") * Size(">", 5000), action = function(m) return nil end, shadow = true }
rule{ name = "drops", match = Kind("message"), action = Drop(), shadow = true }
rule{ name = "denies", match = Kind("message"), action = { Log(), Deny("forbidden") }, shadow = true }
)");
  for (int i = 0; i < 3; ++i) {
    const auto decision = set->decide(message());
    EXPECT_EQ(decision.verdict, Verdict::allow);
    EXPECT_EQ(decision.reason, Reason::no_rule);
    EXPECT_EQ(decision.shadow, "drops");
    EXPECT_EQ(decision.shadow_verdict, Verdict::drop);
    EXPECT_TRUE(decision.added_tags().empty());
  }
  const auto rules = set->describe();
  EXPECT_EQ(rules[0].would_refuse, 0u);
  EXPECT_EQ(rules[1].would_refuse, 0u);
  EXPECT_EQ(rules[3].would_refuse, 3u);
  EXPECT_EQ(rules[4].would_refuse, 3u);
  EXPECT_EQ(set->counters().denied, 0u);
}

TEST(Shadow, AnActionThatFailsOnTrialIsCountedAndDecidesNothing) {
  const auto set = loaded(R"(
rule{ name = "fails", match = Always(), action = function(m) return m.sise end, shadow = true }
rule{ name = "next", match = Always(), action = Drop() })");
  EXPECT_EQ(set->decide(message()).rule, "next");
  EXPECT_EQ(set->describe()[0].errors, 1u);
  EXPECT_EQ(set->describe()[0].last_error, "p.lua:2: there is no fact \"sise\"; the nearest is \"size\"");
}

TEST(Overruns, ThreeWithoutAMinuteBetweenAreABout) {
  const auto set = loaded(R"(
rule{ name = "slow", match = Kind("message") * function(m) while true do end end, action = Drop() }
rule{ name = "wrong", match = Kind("iq") * function(m) return m.sise end, action = Drop() })");
  auto facts = message();
  const auto slow = [&] { return set->describe(facts.now_ms)[0]; };
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(slow().overruns_now, i >= 3) << i;
    EXPECT_EQ(set->decide(facts).reason, Reason::policy_failed);
    facts.now_ms += 59'000;
  }
  EXPECT_TRUE(slow().overruns_now);
  EXPECT_EQ(slow().overruns, 5u);
  facts.now_ms += 10'000;
  EXPECT_FALSE(slow().overruns_now);
  EXPECT_EQ(set->decide(facts).reason, Reason::policy_failed);
  EXPECT_FALSE(slow().overruns_now);
  facts.event = Event::iq;
  for (int i = 0; i < 5; ++i) EXPECT_EQ(set->decide(facts).reason, Reason::policy_failed);
  EXPECT_FALSE(set->describe(facts.now_ms)[1].overruns_now) << "an error is no overrun";
}

}  // namespace
}  // namespace valise::policy::test
