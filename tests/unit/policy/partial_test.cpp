#include "policy/partial.hpp"

#include "policies.hpp"

namespace valise::policy::test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

// "allow", "deny r" … or "?" of one event.
std::string decided(const std::string& source, const std::vector<std::string_view>& unknown,
                    const Facts& facts = message(), std::vector<PartialRule>* rules = nullptr) {
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
  const auto source =
      rule("a", "Kind('message') * To('nobody@x')") + rule("b", "Size('>', 100) * -From('x@y')", "Drop()");
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
  EXPECT_EQ(decided(rule("a", "Payload('x') * Mechanism('PLAIN') * Kind('message')"), {"payload", "mechanism"},
                    message(), &rules),
            "?");
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
  EXPECT_EQ(decided("local d = Deny('forbidden')\n" +
                        rule("f", "Always()", "function(m) if m.payload == 'x' then return d end end"),
                    unknown),
            "?");
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

TEST(Partial, SaysWhatTheNewWordsNeed) {
  const auto needs = [](const std::string& match, std::vector<std::string_view> unknown) {
    std::vector<PartialRule> rules;
    const auto source =
        "group{ name = 'g', members = { 'bob@example.org' } }\nlocal m = memory{ name = 'm' }\n"
        "local l = limiter{ name = 'l', rate = 1 }\n" +
        rule("a", match);
    return decided(source, unknown, message(), &rules) == "?" ? rules[0].needs : std::vector<std::string>{"certain"};
  };
  EXPECT_THAT(needs("Contact()", {"subscription"}), ElementsAre("subscription"));
  EXPECT_THAT(needs("Asked() + Pending() + Shown()", {"asked", "pending", "shown"}),
              ElementsAre("asked", "pending", "shown"));
  EXPECT_THAT(needs("RosterGroup('x')", {"roster_groups"}), ElementsAre("roster_groups"));
  EXPECT_THAT(needs("Child('body')", {"children"}), ElementsAre("children"));
  EXPECT_THAT(needs("DeviceAge('<', '1d')", {"device_age"}), ElementsAre("device_age"));
  EXPECT_THAT(needs("Client('*dino*')", {"client"}), ElementsAre("client"));
  EXPECT_THAT(needs("Local('from') * Administrator('to')", {"from_local", "to_admin"}),
              ElementsAre("from_local", "to_admin"));
  EXPECT_THAT(needs("FullAddress('to')", {"to_resource"}), ElementsAre("to_resource"));
  EXPECT_THAT(needs("ChannelBinding()", {"mechanism"}), ElementsAre("mechanism"));
  EXPECT_THAT(needs("Remembers(m, 'pair')", {"memory"}), ElementsAre("memory"));
  EXPECT_THAT(needs("Counted(m, 'from', '>', 1)", {"memory"}), ElementsAre("memory"));
  EXPECT_THAT(needs("Over(l, {'from', 'ip'})", {"ip"}), ElementsAre("ip"));
  EXPECT_THAT(needs("function(f) return m:get(f.from) == 1 end", {"memory"}), ElementsAre("memory"));
  EXPECT_THAT(needs("function(f) return f:in_group('to', 'g') end", {"to"}), ElementsAre("to"));
  EXPECT_THAT(needs("ToSelf() + DeviceId(1) + FromGroup('g') + Holiday('fr') + Date('12-24')", {"memory", "tag"}),
              ElementsAre("certain"));
}

TEST(Partial, ChainsAreGoneThrough) {
  const auto chain = [](const std::string& rules) { return "chain{ name = 'c', " + rules + " }\n"; };
  const auto in = [](const std::string& name, const std::string& match, const std::string& action) {
    return "rule{ name = '" + name + "', match = " + match + ", action = " + action + " }, ";
  };
  const std::vector<std::string_view> unknown{"payload"};
  EXPECT_EQ(decided(rule("j", "Always()", "Jump('c')") + chain(in("a", "Size('>', 1)", "Drop()")), unknown), "drop a");
  EXPECT_EQ(
      decided(rule("j", "Always()", "{ Jump('c'), Drop() }") + chain(in("a", "Size('<', 1)", "Allow()")), unknown),
      "drop j");
  EXPECT_EQ(decided(rule("j", "Payload('x')", "Jump('c')") + chain(in("a", "Always()", "Drop()")), unknown), "?");
  EXPECT_EQ(decided(rule("j", "Payload('x')", "Jump('c')") + chain(in("a", "Always()", "Drop()")) +
                        rule("b", "Always()", "Drop()"),
                    unknown),
            "drop b");
  EXPECT_EQ(decided(rule("j", "Always()", "Jump('c')") +
                        chain(in("r", "Payload('x')", "Return()") + in("a", "Always()", "Drop()")),
                    unknown),
            "?");
  EXPECT_EQ(decided(rule("j", "Always()", "Jump('c')") +
                        chain(in("r", "Always()", "Return()") + in("a", "Always()", "Drop()")) + rule("b", "Always()"),
                    unknown),
            "deny b");
  std::vector<PartialRule> rules;
  EXPECT_EQ(decided(rule("j", "Always()", "Jump('c')") +
                        chain(in("f", "function(m) return m.sise end", "Allow()") + in("a", "Always()", "Allow()")),
                    unknown, message(), &rules),
            "deny f");
  EXPECT_EQ(rules[0].refused, 0u);
  EXPECT_EQ(rules[1].failed, 1u);
}

TEST(Partial, WhatIsNotSureIsNeitherCountedNorRemembered) {
  const auto set = loaded("local m = memory{ name = 'm' }\n" + rule("a", "Payload('x')", "Remember(m, 'from')") +
                          rule("b", "Remembers(m, 'from')"));
  PartialDecider decider(*set);
  auto facts = message();
  facts.payload = "x";
  for (int i = 0; i < 3; ++i) EXPECT_EQ(decider.decide(facts, {"payload"}).verdict, Verdict::allow);
  EXPECT_EQ(decider.decide(facts, {}).verdict, Verdict::deny);
}

TEST(Partial, ASubscriptionIsAskedAboutAsOne) {
  auto facts = message();
  facts.event = Event::presence;
  facts.type = "subscribe";
  facts.sealed = false;
  EXPECT_EQ(decided(rule("a", "Kind('subscription')"), {}, facts), "deny a");
}

TEST(Partial, RulesOnTrialDecideNothingAndAreCounted) {
  std::vector<PartialRule> rules;
  const auto source =
      "rule{ name = 's', match = Kind('message'), action = Deny('forbidden'), shadow = true }\n"
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
