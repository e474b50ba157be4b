#include "policies.hpp"

namespace valise::policy::test {
namespace {

using testing::HasSubstr;

TEST(Party, MatchesBareJidsFullJidsAndDomains) {
  EXPECT_TRUE(matches("From('alice@example.org')"));
  EXPECT_TRUE(matches("From{'x@y', 'Alice@Example.ORG'}"));
  EXPECT_FALSE(matches("From('alice@example')"));
  EXPECT_FALSE(matches("From('example.org')"));  // the domain's own JID, not everybody there
  EXPECT_TRUE(matches("From{domain='example.org'}"));
  EXPECT_TRUE(matches("From('alice@example.org/phone')"));
  EXPECT_FALSE(matches("From('alice@example.org/Phone')"));  // resources keep their case
  EXPECT_FALSE(matches("To('bob@example.org/phone')"));
  EXPECT_TRUE(matches("From{accounts = {['alice@example.org'] = true, ['x@y'] = false}}"));
  EXPECT_FALSE(matches("From{accounts = {['alice@example.org'] = false, ['x@y'] = true}}"));
}

TEST(Party, StarsStandForAnyCharacters) {
  EXPECT_TRUE(matches("From('*@example.org')"));
  EXPECT_TRUE(matches("From('al*@*.org')"));
  EXPECT_TRUE(matches("From('*')"));
  EXPECT_TRUE(matches("From('a*l*i*c*e@*')"));
  EXPECT_FALSE(matches("From('al*e@example')"));
  EXPECT_FALSE(matches("From('alice@example.org*x')"));
  EXPECT_FALSE(matches("From('alice@exam*ample.org')"));  // the parts may not overlap
  EXPECT_TRUE(matches("From{domain='*.org'}"));
  EXPECT_FALSE(matches("From{domain='*.example.org'}"));
  EXPECT_TRUE(matches("From('alice@example.org/*')"));
}

TEST(Party, ALargeSetIsOneLookUp) {
  EXPECT_TRUE(
      matches("(function() local a = {'alice@example.org'} for i = 1, 50000 do a[i + 1] = 'u' .. i .. '@x' end "
              "return From{accounts = a} end)()"));
}

TEST(SingleFacts, EachMatcherReadsItsFact) {
  const std::pair<const char*, bool> cases[] = {{"Kind('message')", true},
                                                {"Kind{'presence', 'iq'}", false},
                                                {"Kind{'presence', 'message'}", true},
                                                {"Direction('out')", true},
                                                {"Direction('in')", false},
                                                {"Type('chat')", true},
                                                {"Type{'normal', 'headline'}", false},
                                                {"Sealed()", true},
                                                {"Sealed(true)", true},
                                                {"Sealed(false)", false},
                                                {"OmemoVersion('legacy')", true},
                                                {"OmemoVersion('2')", false},
                                                {"Host('example.org')", true},
                                                {"Mechanism('SCRAM-SHA-1')", false},
                                                {"TlsVersion('1.3')", true},
                                                {"Payload('x')", false},
                                                {"Size('>', 899)", true},
                                                {"Size('>', 900)", false},
                                                {"Size('>=', 900)", true},
                                                {"Size('<', 900)", false},
                                                {"Size('<=', 900)", true},
                                                {"Size('==', 900)", true},
                                                {"Keys('==', 3)", true},
                                                {"UnknownDevices('>', 0)", false},
                                                {"Always()", true},
                                                {"Type{'a' and 'normal', 'headline', 'error', 'get', 'chat'}", true}};
  for (const auto& [matcher, expected] : cases) EXPECT_EQ(matches(matcher), expected) << matcher;
}

TEST(Network, KnowsPrefixesAtTheirEdgesAndNestedOnes) {
  auto facts = message();
  const auto at = [&](const char* ip, const std::string& networks) {
    facts.ip = *IpAddress::parse(ip);
    return matches("Network{" + networks + "}", facts);
  };
  EXPECT_TRUE(at("10.0.0.0", "'10.0.0.0/8'"));
  EXPECT_TRUE(at("10.255.255.255", "'10.0.0.0/8'"));
  EXPECT_FALSE(at("11.0.0.0", "'10.0.0.0/8'"));
  EXPECT_FALSE(at("9.255.255.255", "'10.0.0.0/8'"));
  EXPECT_TRUE(at("10.200.0.1", "'10.0.0.0/8', '10.1.0.0/16'"));  // behind the nested one
  EXPECT_TRUE(at("192.0.2.7", "'192.0.2.7'"));
  EXPECT_TRUE(at("::ffff:192.0.2.7", "'192.0.2.0/25'"));
  EXPECT_TRUE(at("2001:db8:ffff::1", "'2001:db8::/32'"));
  EXPECT_FALSE(at("2001:db9::1", "'2001:db8::/32'"));
  EXPECT_TRUE(at("203.0.113.9", "'0.0.0.0/0'"));
  EXPECT_FALSE(at("2001:db8::1", "'0.0.0.0/0'"));
  facts.ip = {};
  EXPECT_FALSE(matches("Network('::/0')", facts));  // not known: in no network
}

TEST(Time, HoursAndWeekdaysWrapAround) {
  auto facts = message();
  const auto at = [&](unsigned minute, const char* matcher) {
    facts.minute_of_week = static_cast<std::uint16_t>(minute);
    return matches(matcher, facts);
  };
  EXPECT_TRUE(at(480, "Hours('08:00-19:00')"));
  EXPECT_FALSE(at(479, "Hours('08:00-19:00')"));
  EXPECT_FALSE(at(1140, "Hours('08:00-19:00')"));
  EXPECT_TRUE(at(1139, "Hours('08:00-19:00')"));
  EXPECT_TRUE(at(1440 + 23 * 60, "Hours('22:00-06:00')"));
  EXPECT_TRUE(at(1440 + 5 * 60, "Hours('22:00-06:00')"));
  EXPECT_FALSE(at(1440 + 6 * 60, "Hours('22:00-06:00')"));
  EXPECT_TRUE(at(1439, "Hours('00:00-24:00')"));
  EXPECT_TRUE(at(0, "Weekday('mon')"));
  EXPECT_FALSE(at(10'079, "Weekday('mon-sat')"));
  EXPECT_TRUE(at(10'079, "Weekday('sat-tue')"));
  EXPECT_TRUE(at(1440, "Weekday('sat-tue')"));
  EXPECT_FALSE(at(2 * 1440, "Weekday('sat-tue')"));
}

TEST(Tags, ComeFromTheSessionAndFromEarlierRules) {
  const std::string_view tags[] = {"guest"};
  auto facts = message();
  EXPECT_FALSE(matches("HasTag('guest')", facts));
  facts.tags = tags;
  EXPECT_TRUE(matches("HasTag{'admin', 'guest'}", facts));
  const auto set = loaded(R"(
    rule{ name = 'mark', match = Size('>', 100), action = Tag('big') }
    rule{ name = 'big', match = HasTag('big'), action = Drop() })");
  const auto decision = set->decide(message());
  EXPECT_EQ(decision.verdict, Verdict::drop);
  EXPECT_EQ(decision.matched, 2u);
  ASSERT_EQ(decision.added_tags().size(), 1u);
  EXPECT_EQ(decision.added_tags()[0], "big");
}

TEST(Combinations, OperatorsAndFunctionsMeanTheSame) {
  for (const char* yes :
       {"Kind('message') * Sealed()", "Kind('iq') + Sealed()", "-Kind('iq')", "All{Kind('message'), Sealed()}",
        "Any(Kind('iq'), Sealed())", "Not(Kind('iq'))", "-(Kind('iq') + Kind('presence')) * Sealed()",
        "function(m) return true end", "Kind('message') * function(m) return m.size == 900 end",
        "(function(m) return false end) + Sealed()"}) {
    EXPECT_TRUE(matches(yes)) << yes;
  }
  for (const char* no : {"Kind('message') * -Sealed()", "Kind('iq') + -Sealed()", "Not(Always())",
                         "All{Kind('message'), Kind('iq')}", "function(m) return nil end"}) {
    EXPECT_FALSE(matches(no)) << no;
  }
}

TEST(Describe, GivesTheRuleBackAsItCouldBeWritten) {
  const auto set = loaded(R"(rule{ name = "help desk only",
      match = From{domain="guests.example"} * -To{"help@example"} * (Kind("message") + Type{"get", "set"}),
      action = { Tag("seen"), Deny{ "forbidden", fr = "Non", en = "No" } } }
    rule{ name = "own", match = function(m) return false end, action = function(m) end, shadow = true })");
  const auto rules = set->describe();
  ASSERT_EQ(rules.size(), 2u);
  EXPECT_EQ(rules[0].match,
            R"(From{domain="guests.example"} * -To{"help@example"} * (Kind("message") + Type{"get", "set"}))");
  EXPECT_EQ(rules[0].action, R"(Tag("seen"), Deny{"forbidden"})");
  EXPECT_EQ(rules[0].line, 1u);
  EXPECT_EQ(rules[1].match, "function(line 4)");
  EXPECT_TRUE(rules[1].shadow);
}

}  // namespace
}  // namespace valise::policy::test
