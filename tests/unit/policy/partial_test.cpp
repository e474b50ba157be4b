#include "policy/partial.hpp"

#include "policies.hpp"

namespace valise::policy::test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

// "allow", "deny r" … or "?" of one event.
std::string decided(const std::string& source, const std::vector<std::string_view>& unknown, const Facts& facts = message(),
                    std::vector<PartialRule>* rules = nullptr) {
  const auto set = loaded(source);
  PartialDecider decider(*set);
  const auto out = decider.decide(facts, unknown);
  if (rules != nullptr) *rules = decider.rules();
  if (!out.certain) return "?";
  constexpr const char* names[] = {"allow", "deny", "drop"};
  return std::string(names[static_cast<std::size_t>(out.verdict)]) +
         (out.rule == PartialDecision::none ? "" : " " + decider.rules()[out.rule].name);
}
std::string rule(const std::string& name, const std::string& match, const std::string& action = "Deny('forbidden')") {
  return "rule{ name = '" + name + "', match = " + match + ", action = " + action + " }\n";
}

TEST(Partial, DecidesAsUsualWhenAllIsKnown) {
  const auto source = rule("a", "Kind('message') * To('nobody@x')") + rule("b", "Size('>', 100) * -From('x@y')", "Drop()");
  EXPECT_EQ(decided(source, {}), "drop b");
  EXPECT_EQ(decided(rule("f", "function(m) return m.size == 900 end"), {}), "deny f");
  EXPECT_EQ(decided(rule("f", "function(m) return m.sise end"), {}), "deny f") << "fails closed";
  EXPECT_EQ(decided(rule("f", "Not(function(m) return m.sise end)"), {}), "deny f");
  EXPECT_EQ(decided("", {}), "allow");
}

TEST(Partial, WhatIsFalseWhateverTheUnknownIsStaysFalse) {
  const std::vector<std::string_view> unknown{"payload"};
  EXPECT_EQ(decided(rule("a", "Payload('x') * To('nobody@x')"), unknown), "allow");
  EXPECT_EQ(decided(rule("a", "Payload('x') + From('alice@example.org')"), unknown), "deny a");
  EXPECT_EQ(decided(rule("a", "-Payload('x') * Kind('message')"), unknown), "?");
}

TEST(Partial, NamesTheFactsThatAreMissing) {
  std::vector<PartialRule> rules;
  EXPECT_EQ(decided(rule("a", "Payload('x') * Mechanism('PLAIN') * Kind('message')"), {"payload", "mechanism"}, message(), &rules), "?");
  EXPECT_EQ(rules[0].undecidable, 1u);
  EXPECT_THAT(rules[0].needs, ElementsAre("payload", "mechanism"));
}

TEST(Partial, IsCertainWhereAllWaysLeadToTheSame) {
  const std::vector<std::string_view> unknown{"payload"};
  EXPECT_EQ(decided(rule("a", "Payload('x')") + rule("b", "Always()"), unknown), "deny b");
  EXPECT_EQ(decided(rule("a", "Payload('x')", "Allow()") + rule("b", "Always()"), unknown), "?");
  EXPECT_EQ(decided(rule("a", "Payload('x')", "Allow()"), unknown), "allow");
  EXPECT_EQ(decided(rule("a", "Payload('x')", "Log()"), unknown), "allow");
}

TEST(Partial, FunctionsAreUndecidableOnlyWhereTheyReadWhatIsMissing) {
  const std::vector<std::string_view> unknown{"payload", "tag"};
  const auto source = rule("f", "function(m) return m.size > 5000 and m.payload == 'x' end");
  EXPECT_EQ(decided(source, unknown), "allow");
  auto large = message();
  large.size = 6000;
  EXPECT_EQ(decided(source, unknown, large), "?");
  EXPECT_EQ(decided(rule("f", "function(m) return m:has_tag('t') end"), unknown), "?");
  EXPECT_EQ(decided(rule("f", "function(m) return m.payload.x.y end"), unknown), "?");
  EXPECT_EQ(decided("local d = Deny('forbidden')\n" + rule("f", "Always()", "function(m) if m.payload == 'x' then return d end end"), unknown), "?");
}

TEST(Partial, TagsGivenInTheDecisionAreKnown) {
  const std::vector<std::string_view> unknown{"tag"};
  EXPECT_EQ(decided(rule("t", "Always()", "Tag('x')") + rule("a", "HasTag('x')"), unknown), "deny a");
  EXPECT_EQ(decided(rule("a", "HasTag('x')"), unknown), "?");
}

TEST(Partial, FullAddressesNeedTheResource) {
  EXPECT_EQ(decided(rule("a", "To('bob@example.org')"), {"to_resource"}), "deny a");
  EXPECT_EQ(decided(rule("a", "To('bob@example.org/phone')"), {"to_resource"}), "?");
  EXPECT_EQ(decided(rule("a", "From('alice@example.org/phone')"), {"to_resource"}), "deny a");
}

TEST(Partial, RatesCountOnlyWhatSurelyReachesThem) {
  const auto set = loaded(rule("a", "Payload('x') * Rate{ per = 'from', rate = 1, burst = 1 }") +
                          rule("b", "Kind('message') * Rate{ per = 'from', rate = 1, burst = 2 }"));
  PartialDecider decider(*set);
  std::vector<std::string> seen;
  for (int i = 0; i < 3; ++i) {
    const auto out = decider.decide(message(), {"payload"});
    seen.push_back(!out.certain ? "?" : out.verdict == Verdict::deny ? "deny" : "allow");
  }
  EXPECT_THAT(seen, ElementsAre("?", "?", "deny"));
}

TEST(Partial, RulesOnTrialDecideNothingAndAreCounted) {
  std::vector<PartialRule> rules;
  const auto source = "rule{ name = 's', match = Kind('message'), action = Deny('forbidden'), shadow = true }\n"
                      "rule{ name = 'u', match = Payload('x'), action = Deny('forbidden'), shadow = true }\n"
                      "rule{ name = 'f', match = function(m) return m.sise end, action = Drop(), shadow = true }\n";
  EXPECT_EQ(decided(source, {"payload"}, message(), &rules), "allow");
  EXPECT_EQ(rules[0].refused, 1u);
  EXPECT_EQ(rules[1].undecidable, 1u);
  EXPECT_EQ(rules[2].failed, 1u);
  EXPECT_EQ(rules[2].refused, 0u);
}

TEST(Partial, ManyFunctionsLeaveNoGarbageBehind) {
  const auto set = loaded(rule("f", "function(m) return (m.from .. m.to):rep(50) == '' end"));
  PartialDecider decider(*set);
  for (int i = 0; i < 50'000; ++i) ASSERT_TRUE(decider.decide(message(), {}).certain);
  EXPECT_EQ(decider.rules()[0].failed, 0u);
}

}  // namespace
}  // namespace valise::policy::test
