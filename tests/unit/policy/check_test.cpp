#include "policy/check.hpp"

#include "policies.hpp"

namespace valise::policy::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::vector<std::string> dead(std::string_view source, std::size_t max_work = 30'000'000) {
  std::vector<std::string> out;
  const auto set = loaded(source);
  if (!set) return {"does not load"};
  for (const auto& one : find_dead_rules(*set, max_work)) out.push_back(one.message());
  return out;
}
// Of a rule that denies what `earlier` matches, and behind it one that allows what `later` matches: whether the latter
// is said to be hidden.
bool hides(const std::string& earlier, const std::string& later) {
  return dead("rule{ name = 'a', match = " + earlier +
              ", action = Deny('forbidden') }\nrule{ name = 'b', match = " + later + ", action = Allow() }") ==
         std::vector<std::string>{
             "p.lua:2: rule \"b\" can never act: rule \"a\" (line 1) before it decides on all that it matches"};
}
std::string never(const std::string& match) {
  const auto found = dead("rule{ name = 'a', match = " + match + ", action = Allow() }");
  if (found.empty()) return "";
  const std::string start = "p.lua:1: rule \"a\" can never act: ";
  return found[0].starts_with(start) ? found[0].substr(start.size()) : found[0];
}

TEST(Check, TheStockPolicyIsSound) { EXPECT_THAT(dead(PolicySet::stock()), IsEmpty()); }

TEST(Check, RulesBehindAnUnconditionalOneAreHidden) {
  EXPECT_TRUE(hides("Always()", "Kind('message')"));
  EXPECT_TRUE(hides("Kind{'message', 'iq'}", "Kind('message') * From('x@y')"));
  EXPECT_TRUE(hides("Kind('message')", "Kind('message') * Rate{ per = 'from', rate = 1 }"));
  EXPECT_TRUE(hides("Kind('message')", "Kind('message') * function(m) return true end"));
  EXPECT_FALSE(hides("Kind('message')", "Kind('iq')"));
  EXPECT_FALSE(hides("Kind('message')", "Always()"));
  EXPECT_FALSE(hides("Kind('message') * Direction('out')", "Kind('message')"));
  EXPECT_FALSE(hides("Kind('message') * Rate{ per = 'from', rate = 1 }", "Kind('message')"));
  EXPECT_FALSE(hides("function(m) return true end", "Kind('message')"));
}

TEST(Check, NoRuleButOneThatEndsHides) {
  const auto with = [](const char* action) {
    return dead(std::string("rule{ name = 'a', match = Always(), action = ") + action +
                " }\nrule{ name = 'b', match = Kind('message'), action = Allow() }");
  };
  EXPECT_THAT(with("Tag('x')"), IsEmpty());
  EXPECT_THAT(with("Log()"), IsEmpty());
  EXPECT_THAT(with("function(m) return nil end"), IsEmpty());
  EXPECT_THAT(with("Deny('forbidden'), shadow = true"), IsEmpty());
  EXPECT_EQ(with("{ Tag('x'), Drop() }").size(), 1u);
}

TEST(Check, CoverageIsProvenFactByFact) {
  EXPECT_TRUE(hides("From{ domain = 'x.org' }", "From('a@x.org')"));
  EXPECT_TRUE(hides("From{ domain = 'x.org' }", "From('a@x.org/phone')"));
  EXPECT_TRUE(hides("From{ domain = 'x.org' }", "From('a-*@x.org')"));
  EXPECT_TRUE(hides("From{ domain = '*.org' }", "From{ domain = { 'x.org', 'y.org' } }"));
  EXPECT_TRUE(hides("From('a@x.org')", "From('a@x.org/phone')"));
  EXPECT_TRUE(hides("From{ 'a@x', 'b@x' }", "From('b@x') * To('c@x')"));
  EXPECT_FALSE(hides("From{ domain = 'x.org' }", "From{ domain = { 'x.org', 'y.org' } }"));
  EXPECT_FALSE(hides("From('a@x.org/phone')", "From('a@x.org')"));
  EXPECT_FALSE(hides("From('a@x.org')", "From('a*@x.org')"));
  EXPECT_FALSE(hides("From('a@x.org')", "To('a@x.org')"));
  EXPECT_FALSE(hides("From{ domain = 'x.org' }", "From('*@*')"));
  EXPECT_TRUE(hides("Size('>', 10)", "Size('>=', 11)"));
  EXPECT_FALSE(hides("Size('>', 10)", "Size('>=', 10)"));
  EXPECT_TRUE(hides("Network('10.0.0.0/8')", "Network('10.1.0.0/16')"));
  EXPECT_FALSE(hides("Network('10.1.0.0/16')", "Network('10.0.0.0/8')"));
  EXPECT_TRUE(hides("Weekday('mon-fri')", "Weekday('tue') * Hours('08:00-09:00')"));
  EXPECT_TRUE(hides("Hours('22:00-06:00')", "Hours('23:00-01:00')"));
  EXPECT_FALSE(hides("Hours('08:00-19:00')", "Weekday('tue')"));
  EXPECT_TRUE(hides("-From('a@x')", "From('b@x')"));
  EXPECT_TRUE(hides("-From{ 'a@x' }", "-From{ 'a@x', 'b@x' }"));
  EXPECT_FALSE(hides("-From{ 'a@x', 'b@x' }", "-From{ 'a@x' }"));
  EXPECT_TRUE(hides("Kind('iq') + Kind('message') * Sealed()", "Kind('message') * Sealed() * Keys('>', 3)"));
}

TEST(Check, SeveralEarlierRulesMayHideOneTogether) {
  EXPECT_THAT(dead(R"(rule{ name = "out", match = Kind("message") * Direction("out"), action = Allow() }
rule{ name = "in", match = Kind("message") * Direction("in"), action = Allow() }
rule{ name = "late", match = Kind("message") * To("x@y"), action = Deny("forbidden") })"),
              ElementsAre("p.lua:3: rule \"late\" can never act: rule \"out\" (line 1), rule \"in\" (line 2) before it "
                          "decide on all that it matches"));
}

TEST(Check, TagsGrowOnTheWay) {
  EXPECT_FALSE(hides("HasTag('x')", "HasTag('x') * Kind('message')"));
  EXPECT_TRUE(hides("-HasTag('x')", "-HasTag{ 'x', 'y' }"));
  EXPECT_FALSE(hides("-HasTag('x')", "HasTag('y')"));
}

TEST(Check, AMatcherThatIsNeverTrueSaysWhatExcludesWhat) {
  EXPECT_EQ(never("Kind('message') * Kind('iq')"), "Kind(\"message\") and Kind(\"iq\") exclude each other");
  EXPECT_EQ(never("Sealed() * Sealed(false)"), "Sealed(true) and Sealed(false) exclude each other");
  EXPECT_EQ(never("From('a@x') * -From{ domain = 'x' }"), "From{\"a@x\"} and -From{domain=\"x\"} exclude each other");
  EXPECT_EQ(never("Size('>', 9) * Size('<', 9)"), "Size(\">\", 9) and Size(\"<\", 9) exclude each other");
  EXPECT_EQ(never("Size('<', 0)"), "Size(\"<\", 0) is never true");
  EXPECT_EQ(never("Hours('08:00-09:00') * Hours('09:00-10:00')"),
            "Hours{\"08:00-09:00\"} and Hours{\"09:00-10:00\"} exclude each other");
  EXPECT_EQ(never("-Always()"), "its match is never true");
  EXPECT_EQ(never("Kind('login') * Direction('in')"), "no event has Kind(\"login\") and Direction(\"in\")");
  EXPECT_EQ(never("Kind('message') * Payload('x')"), "no event has Kind(\"message\") and Payload(\"x\")");
  EXPECT_EQ(never("Kind('iq') * Type('chat')"), "no event has Kind(\"iq\") and Type(\"chat\")");
  EXPECT_EQ(never("Kind('message') * Direction('in') * Network('10.0.0.0/8')"),
            "no event has Kind(\"message\") and Direction(\"in\") and Network{\"10.0.0.0/8\"}");
  EXPECT_EQ(never("UnknownDevices('>', 0) * Direction('out')"),
            "no event has UnknownDevices(\">\", 0) and Direction(\"out\")");
  EXPECT_EQ(never("(Kind('iq') + Kind('presence')) * Kind('message')"),
            "Kind(\"iq\") and Kind(\"message\") exclude each other");
}

TEST(Check, WhatCanBeTrueIsNotReported) {
  for (const char* match :
       {"Kind('message') * Sealed()", "HasTag('a') * HasTag('b')", "From('a@x') * From('a@x/phone')",
        "From('a*@x') * From('*b@x')", "Kind{'message', 'iq'} * Type('error')", "-(Kind('message') * Kind('iq'))",
        "Kind('unsealed') * Direction('in') * Network('10.0.0.0/8')"}) {
    EXPECT_EQ(never(match), "") << match;
  }
}

TEST(Check, ARuleAboutEverythingIsNotAskedAboutTheUnsealed) {
  EXPECT_FALSE(hides("Always()", "Kind('unsealed') * Unsealed('file')"));
  EXPECT_TRUE(hides("Kind('unsealed')", "Kind('unsealed') * Unsealed('file')"));
}

TEST(Check, SetsOfTheNewWordsAreCompared) {
  const std::string groups =
      "group{ name = 'all', members = { 'a@x', 'b@x' } } group{ name = 'some', members = { 'a@x' } } ";
  const auto with_groups = [&](const std::string& earlier, const std::string& later) {
    return dead(groups + "rule{ name = 'a', match = " + earlier +
                ", action = Drop() }\nrule{ name = 'b', match = " + later + ", action = Allow() }")
               .size() == 1;
  };
  EXPECT_TRUE(with_groups("FromGroup('all')", "FromGroup('some')"));
  EXPECT_TRUE(with_groups("FromGroup('all')", "From('b@x')"));
  EXPECT_TRUE(with_groups("From{ domain = 'x' }", "FromGroup('all')"));
  EXPECT_FALSE(with_groups("FromGroup('some')", "FromGroup('all')"));
  EXPECT_FALSE(with_groups("FromGroup('all')", "ToGroup('some')"));
  EXPECT_TRUE(hides("Kind('presence')", "Kind('subscription')"));
  EXPECT_FALSE(hides("Kind('subscription')", "Kind('presence')"));
  EXPECT_TRUE(hides("DeviceId{ 1, 2, 3 }", "DeviceId(2)"));
  EXPECT_TRUE(hides("Contact()", "Subscription('both')"));
  EXPECT_FALSE(hides("Subscription('both')", "Contact()"));
  EXPECT_TRUE(hides("RosterGroup{ 'a', 'b' }", "RosterGroup('a')"));
  EXPECT_TRUE(hides("Child('body')", "Child('body') * Sealed()"));
  EXPECT_FALSE(hides("Child('body')", "Child('subject')"));
  EXPECT_TRUE(hides("Holiday('fr-alsace-moselle')", "Holiday('fr')"));
  EXPECT_FALSE(hides("Holiday('fr')", "Holiday('fr-alsace-moselle')"));
  EXPECT_TRUE(hides("Date('2026-07-01..2026-08-31')", "Date('2026-07-14')"));
  EXPECT_TRUE(hides("Date('12-24..01-02')", "Date('01-01')"));
  EXPECT_FALSE(hides("Date('12-24')", "Date('2026-12-24')"));
  EXPECT_TRUE(hides("DeviceAge('<', '7d')", "DeviceAge('<', '1d')"));
}

TEST(Check, NewEventsHaveTheirFacts) {
  EXPECT_EQ(never("Kind('subscription') * Type('available')"),
            "no event has Kind(\"subscription\") and Type(\"available\")");
  EXPECT_EQ(never("Kind('device') * Direction('in')"), "no event has Kind(\"device\") and Direction(\"in\")");
  EXPECT_EQ(never("Kind('message') * NewDevices('>', 0)"), "no event has Kind(\"message\") and NewDevices(\">\", 0)");
  EXPECT_EQ(never("Kind('login') * Contact()"), "no event has Kind(\"login\") and Contact(true)");
  EXPECT_EQ(never("Direction('in') * DeviceAge('>=', 0)"), "no event has Direction(\"in\") and DeviceAge(\">=\", 0)");
  EXPECT_EQ(never("Uses('>', 1) * Kind('publish')"), "no event has Uses(\">\", 1) and Kind(\"publish\")");
  EXPECT_EQ(never("ToSelf() * ToSelf(false)"), "ToSelf(true) and ToSelf(false) exclude each other");
  for (const char* match :
       {"Kind('room_message') * Sealed()", "RosterGroup('a') * RosterGroup('b')", "Child('a') * Child('b')",
        "Kind('publish') * Payload('urn:xmpp:omemo:2:devices')", "Kind('invitation') * Uses('>', 1)",
        "Kind('session') * Sessions('>', 3)", "Kind('login') * Contact(false)", "Kind('login') * Uses('<', 1)",
        "Holiday('fr') * Holiday('fr-alsace-moselle')", "ChannelBinding(false) * Direction('in')"}) {
    EXPECT_EQ(never(match), "") << match;
  }
}

TEST(Check, WhatAMemoryHoldsMayChangeBetweenTwoRules) {
  EXPECT_THAT(dead("local m = memory{ name = 'm' }\nlocal known = Remembers(m, 'from')\n"
                   "rule{ name = 'a', match = known, action = Deny('forbidden') }\n"
                   "rule{ name = 'b', match = Always(), action = Remember(m, 'from') }\n"
                   "rule{ name = 'c', match = known, action = Allow() }"),
              IsEmpty());
}

std::vector<std::string> in_chain(const std::string& jump, const std::string& rules) {
  return dead("rule{ name = 'j', match = " + jump + ", action = Jump('c') }\nchain{ name = 'c', " + rules + " }");
}
std::string one(const std::string& name, const std::string& match, const std::string& action = "Allow()") {
  return "rule{ name = '" + name + "', match = " + match + ", action = " + action + " },\n";
}

TEST(Check, RulesOfAChainAreComparedAmongThemselves) {
  EXPECT_THAT(
      in_chain("Always()", one("a", "Kind('message')") + one("b", "Kind('message') * Sealed()")),
      ElementsAre("p.lua:3: rule \"b\" can never act: rule \"a\" (line 2) before it decides on all that it matches"));
  EXPECT_THAT(
      in_chain("Always()", one("a", "Kind('message')", "Return()") + one("b", "Kind('message') * Sealed()")).size(),
      1u);
  // What decides in a chain hides nothing outside of it, and the other way round only where all comes through the jump.
  EXPECT_THAT(dead("rule{ name = 'j', match = Kind('iq'), action = Jump('c') }\n"
                   "chain{ name = 'c', rule{ name = 'a', match = Always(), action = Allow() } }\n"
                   "rule{ name = 'b', match = Kind('message'), action = Drop() }"),
              IsEmpty());
}

TEST(Check, RulesOfAChainSeeOnlyWhatJumpsBring) {
  const auto none = [](const std::string& name, int line) {
    return "p.lua:" + std::to_string(line) + ": rule \"" + name +
           "\" can never act: no rule that jumps to chain \"c\" matches what it matches";
  };
  EXPECT_THAT(in_chain("Kind('message')", one("a", "Kind('iq')")), ElementsAre(none("a", 2)));
  EXPECT_THAT(in_chain("From{ domain = 'x' }", one("a", "From('a@y')") + one("b", "From('a@x')")),
              ElementsAre(none("a", 2)));
  EXPECT_THAT(in_chain("-HasTag('t')", one("a", "HasTag('t')")), IsEmpty()) << "it may be given on the way";
  EXPECT_THAT(dead("rule{ name = 'j', match = Kind('message'), action = Jump('c') }\n"
                   "rule{ name = 'k', match = Kind('iq'), action = { Tag('t'), Jump('c') } }\n"
                   "chain{ name = 'c', rule{ name = 'a', match = Kind('iq'), action = Allow() } }"),
              IsEmpty());
  EXPECT_THAT(dead("local to = Jump('c')\nrule{ name = 'f', match = Kind('iq'), action = function() return to end }\n"
                   "chain{ name = 'c', rule{ name = 'a', match = Kind('message'), action = Allow() } }"),
              IsEmpty())
      << "a function may jump";
}

TEST(Check, AChainThatNothingJumpsToIsNamed) {
  EXPECT_THAT(dead("chain{ name = 'c', rule{ name = 'a', match = Always(), action = Allow() } }"),
              ElementsAre("p.lua:1: chain \"c\" can never act: nothing jumps to it"));
}

TEST(Check, ItsWorkIsBounded) {
  std::string source;
  for (int i = 0; i < 300; ++i) {
    source +=
        "rule{ name = '" + std::to_string(i) + "', match = From('" + std::to_string(i) + "@x'), action = Allow() }\n";
  }
  EXPECT_THAT(dead(source), IsEmpty());
  EXPECT_THAT(dead(source, 1000), ElementsAre("p.lua: too many rules to compare them all: others may be hidden"));
  // 2^20 alternatives: not expanded, nothing said.
  EXPECT_EQ(never("All{" +
                  [] {
                    std::string parts;
                    for (int i = 0; i < 20; ++i) parts += "From('a@x') + To('b@x'), ";
                    return parts;
                  }() +
                  "}"),
            "");
}

TEST(Oddities, ActionsThatDoNothingAreNamed) {
  const auto notes = [](const std::string& rule) {
    std::vector<std::string> out;
    for (const auto& one : find_oddities(*loaded("rule{ name = 'r', match = " + rule + " }"))) out.push_back(one.text);
    return out;
  };
  EXPECT_THAT(notes("Kind('presence'), action = Delay('1h')"),
              ElementsAre(HasSubstr("Delay(3600) does nothing for the kinds of events that it matches")));
  EXPECT_THAT(notes("Kind('message') + Kind('presence'), action = Delay('1h')"), IsEmpty());
  EXPECT_THAT(notes("Kind('message') * Direction('out'), action = Quiet()"),
              ElementsAre(HasSubstr("Quiet() does nothing")));
  EXPECT_THAT(notes("Always(), action = { Deny('forbidden'), Delay('1h') }"),
              ElementsAre(HasSubstr("Delay(3600) does nothing behind Deny{\"forbidden\"}, which ends the decision")));
  EXPECT_THAT(notes("Always(), action = Delay(Date('2001-01-01'))"), ElementsAre(HasSubstr("never ends")));
  EXPECT_THAT(notes("Always(), action = Delay(Weekday('mon') * Weekday('tue'))"), ElementsAre(HasSubstr("never ends")));
  EXPECT_THAT(notes("Always(), action = Delay(Date('12-24'))"), IsEmpty());
}

TEST(Oddities, MatchersThatBelongToNoRuleAreNamed) {
  const auto notes = [](std::string_view source) {
    std::vector<std::string> out;
    for (const auto& one : find_oddities(*loaded(source))) out.push_back(one.message());
    return out;
  };
  EXPECT_THAT(notes(R"(local open = Hours("08:00-19:00")
local chat = Type("chat")
rule{ name = "a", match = Kind("message") and
  chat * -open, action = Allow() }
rule{ name = "b", match = Any{ chat, From("a@b") }, action = Delay(open) })"),
              ElementsAre(HasSubstr("p.lua:3: Kind(\"message\") belongs to no rule")));
  EXPECT_THAT(notes(R"(local unused = Type("chat") * (Kind("message") + Kind("iq")))"),
              ElementsAre(HasSubstr("p.lua:1: ")));
  EXPECT_THAT(
      notes(
          "chain{ name = 'c', rule{ name = 'a', match = Kind('iq') + function() return true end, action = Allow() } }"),
      IsEmpty());
  EXPECT_THAT(notes(PolicySet::stock()), IsEmpty());
}

}  // namespace
}  // namespace valise::policy::test
