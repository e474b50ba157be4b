#include "policy/explain.hpp"

#include "policies.hpp"
#include "policy/question.hpp"

namespace valise::policy::test {
namespace {

using testing::HasSubstr;
using Result = TriedRule::Result;

std::vector<std::string> lines(const TriedRule& rule) {
  std::vector<std::string> out;
  for (const auto& look : rule.looks) {
    const char* held = look.held == Held::yes ? "yes " : look.held == Held::no ? "no " : "- ";
    out.push_back(std::string(look.depth, ' ') + held + look.matcher + (look.saw.empty() ? "" : " | ") + look.saw);
  }
  return out;
}

TEST(Explain, NamesTheRuleThatDecidesAndWhyTheOthersDidNot) {
  const auto set = loaded(R"(
rule{ name = "presence", match = Kind("presence"), action = Deny("forbidden") }
rule{ name = "to carol", match = Kind("message") * To("carol@example.org") * Size(">", 1), action = Drop() }
rule{ name = "on trial", match = Sealed(), action = Drop(), shadow = true }
rule{ name = "from alice", match = From("alice@example.org") + Size(">", 5000), action = { Tag("x"), Deny("not-allowed") } }
rule{ name = "never tried", match = Always(), action = Allow() })");
  const auto why = explain(*set, message());
  EXPECT_EQ(why.verdict, Verdict::deny);
  EXPECT_EQ(why.rule, "from alice");
  EXPECT_EQ(why.line, 5u);
  EXPECT_EQ(why.condition, "not-allowed");
  EXPECT_EQ(why.tags, std::vector<std::string>{"x"});
  EXPECT_EQ(why.not_tried, 1u);
  ASSERT_EQ(why.tried.size(), 4u);
  EXPECT_EQ(why.tried[0].result, Result::not_asked);
  EXPECT_EQ(why.tried[1].result, Result::no);
  EXPECT_EQ(lines(why.tried[1]),
            (std::vector<std::string>{"no Kind(\"message\") * To{\"carol@example.org\"} * Size(\">\", 1)",
                                      " yes Kind(\"message\") | kind is \"message\"",
                                      " no To{\"carol@example.org\"} | to is bob@example.org", " - Size(\">\", 1)"}));
  EXPECT_EQ(why.tried[2].result, Result::matched);
  EXPECT_TRUE(why.tried[2].shadow);
  EXPECT_EQ(lines(why.tried[3]),
            (std::vector<std::string>{"yes From{\"alice@example.org\"} + Size(\">\", 5000)",
                                      " yes From{\"alice@example.org\"} | from is alice@example.org/phone",
                                      " - Size(\">\", 5000)"}));
}

TEST(Foresee, SaysWhatWouldBeDecidedAndCountsNothing) {
  const auto set = loaded(R"(
rule{ name = "cleared", match = Kind("message") * Label{ "secret", "top" } * -From("alice@example.org"), action = Deny("forbidden") }
rule{ name = "rate", match = Label("top") * Rate{ per = "from", rate = 1, burst = 1 }, action = Drop() }
rule{ name = "required", match = Label("") * Size(">", 1000000), action = Deny("policy-violation") })");
  auto facts = message();
  EXPECT_EQ(foresee(*set, facts), Verdict::allow);
  facts.label = "secret";
  EXPECT_EQ(foresee(*set, facts), Verdict::allow);
  facts.from.bare = "carol@example.org";
  EXPECT_EQ(foresee(*set, facts), Verdict::deny);
  facts.from.bare = "alice@example.org";
  facts.label = "top";
  for (int i = 0; i < 5; ++i) EXPECT_EQ(foresee(*set, facts), Verdict::allow) << "the rate is as it was";
  for (const auto& rule : set->describe(0)) EXPECT_EQ(rule.hits, 0u) << rule.name;
  facts.label = "";
  facts.size = 1'000'001;
  EXPECT_EQ(foresee(*set, facts), Verdict::deny);
}

TEST(Foresee, SaysNothingWhereARuleAsksForWhatIsNotKnown) {
  const auto set = loaded(R"(
rule{ name = "presence", match = Kind("presence") * -Contact(), action = Drop() }
rule{ name = "first", match = Label("dr"), action = Deny("forbidden") }
rule{ name = "contacts", match = Label("secret") * -Contact(), action = Deny("forbidden") }
rule{ name = "function", match = function(m) return m.label == "top" and m.sessions == 0 end, action = Drop() })");
  const std::string_view unknown[] = {"subscription", "sessions"};
  auto facts = message();
  facts.label = "dr";
  EXPECT_EQ(foresee(*set, facts, unknown), Verdict::deny) << "decided before";
  facts.label = "secret";
  EXPECT_EQ(foresee(*set, facts, unknown), std::nullopt);
  EXPECT_EQ(foresee(*set, facts), Verdict::deny);
  facts.label = "top";
  EXPECT_EQ(foresee(*set, facts, std::span(unknown).last(1)), std::nullopt);
  facts.label = "x";
  EXPECT_EQ(foresee(*set, facts, std::span(unknown).last(1)), Verdict::allow) << "the function does not read it";
}

TEST(Explain, CountsNothingAndTakesFromNoRate) {
  const auto set = loaded(R"(
rule{ name = "fails", match = Kind("iq") * function(m) return m.nothing end, action = Allow() }
rule{ name = "rate", match = Kind("message") * Rate{ per = "from", rate = 1, burst = 2 }, action = Deny("forbidden") })");
  auto facts = message();
  for (int i = 0; i < 10; ++i) EXPECT_EQ(explain(*set, facts).verdict, Verdict::allow);
  EXPECT_EQ(set->decide(facts).verdict, Verdict::allow);
  EXPECT_EQ(set->decide(facts).verdict, Verdict::allow);
  EXPECT_EQ(explain(*set, facts).rule, "rate");
  EXPECT_EQ(set->decide(facts).verdict, Verdict::deny);
  facts.now_ms += 10'000;
  EXPECT_EQ(explain(*set, facts).verdict, Verdict::allow);
  facts.event = Event::iq;
  const auto failed = explain(*set, facts);
  EXPECT_EQ(failed.reason, Reason::policy_failed);
  EXPECT_EQ(failed.tried.back().result, Result::failed);
  EXPECT_THAT(failed.tried.back().why, HasSubstr("p.lua:2: there is no fact \"nothing\""));
  EXPECT_EQ(set->counters().decisions, 3u);
  EXPECT_EQ(set->counters().errors, 0u);
  EXPECT_EQ(set->last_error(), "");
  EXPECT_EQ(set->describe()[1].hits, 1u);
}

TEST(Explain, GoesThroughChainsAndNamesThem) {
  const auto set = loaded(R"(
rule{ name = "iq", match = Kind("iq"), action = Jump("other") }
rule{ name = "to checks", match = Kind("message"), action = { Tag("x"), Jump("checks"), Drop() } }
rule{ name = "behind", match = Always(), action = Allow() }
chain{ name = "checks",
  rule{ name = "not it", match = Size(">", 5000), action = Drop() },
  rule{ name = "presence", match = Kind("presence"), action = Drop() },
  rule{ name = "tagged", match = HasTag("x"), action = Deny("forbidden") },
  rule{ name = "last", match = Sealed(), action = Drop() } }
chain{ name = "other", rule{ name = "far", match = Always(), action = Drop() } })");
  const auto why = explain(*set, message());
  EXPECT_EQ(why.rule, "tagged");
  EXPECT_EQ(why.chain, "checks");
  EXPECT_EQ(why.verdict, Verdict::deny);
  std::vector<std::string> tried;
  for (const auto& rule : why.tried) tried.push_back(rule.chain + ":" + rule.name);
  EXPECT_THAT(tried, testing::ElementsAre(":iq", ":to checks", "checks:not it", "checks:presence", "checks:tagged"));
  EXPECT_EQ(why.tried[2].result, Result::no);
  EXPECT_EQ(why.tried[3].result, Result::not_asked);
  EXPECT_EQ(why.not_tried, 2u) << "one behind the jump, one in the chain";
}

TEST(Explain, SaysWhichRuleOfAChainFailed) {
  const auto set = loaded(
      "rule{ name = 'j', match = Always(), action = Jump('c') }\n"
      "chain{ name = 'c', rule{ name = 'f', match = Always(), action = function(m) return m.sise end },\n"
      "rule{ name = 'g', match = Always(), action = Allow() } }");
  const auto why = explain(*set, message());
  EXPECT_EQ(why.reason, Reason::policy_failed);
  EXPECT_EQ(why.rule, "f");
  EXPECT_EQ(why.chain, "c");
  ASSERT_EQ(why.tried.size(), 2u);
  EXPECT_EQ(why.tried[1].result, Result::failed);
  EXPECT_THAT(why.tried[1].why, HasSubstr("sise"));
  EXPECT_EQ(why.tried[0].result, Result::matched);
}

TEST(Explain, AgreesWithTheDecisionOnTheStockPolicy) {
  const auto set = loaded(PolicySet::stock());
  for (int event = 0; event < 8; ++event) {
    auto facts = message();
    facts.event = static_cast<Event>(event);
    const auto why = explain(*set, facts);
    const auto decision = set->decide(facts);
    EXPECT_EQ(why.verdict, decision.verdict);
    EXPECT_EQ(why.rule, decision.rule);
    EXPECT_EQ(why.tried.size(), set->describe().size());
  }
}

TEST(Explain, LargeMatchersAreCutNotHeldBack) {
  std::string many = "Any{";
  for (int i = 0; i < 5000; ++i) many += "To('u" + std::to_string(i) + "@x'),";
  const auto set = loaded("rule{ name = 'r', match = " + many + " From('alice@example.org')}, action = Drop() }");
  const auto why = explain(*set, message());
  EXPECT_EQ(why.verdict, Verdict::drop);
  EXPECT_LE(why.tried[0].looks.size(), 2000u);
}

std::string fault_of(std::string_view name, std::string_view value) {
  Question question;
  const auto done = question.set(name, value);
  return done ? "" : done.error();
}

TEST(Question, FillsInWhatAServerWould) {
  Question question;
  for (const auto& [name, value] : {std::pair{"from", "Alice@Example.ORG/Phone"},
                                    {"to", "bob@example.org"},
                                    {"at", "2026-07-14 10:00"},
                                    {"sealed", "true"},
                                    {"tags", "guest,admin"}}) {
    EXPECT_TRUE(question.set(name, value)) << name;
  }
  const auto facts = question.facts(7);
  EXPECT_EQ(facts.event, Event::message);
  EXPECT_EQ(facts.direction, Direction::out);
  EXPECT_EQ(facts.from.bare, "alice@example.org");
  EXPECT_EQ(facts.from.resource, "Phone");
  EXPECT_EQ(facts.host, "example.org");
  EXPECT_EQ(facts.type, "normal");
  EXPECT_EQ(facts.omemo, Omemo::legacy);
  EXPECT_EQ(facts.minute_of_week, 1440 + 600);  // a Tuesday
  EXPECT_EQ(facts.tags.size(), 2u);
  EXPECT_EQ(facts.now_ms, 7);
  EXPECT_TRUE(question.set("at", "sun 23:59"));
  EXPECT_EQ(question.facts(0).minute_of_week, 10'079);
}

TEST(Question, SaysWhatIsWrongWithTheNearest) {
  EXPECT_EQ(fault_of("form", "a@b"), "there is no fact \"form\" to give; the nearest is \"from\"");
  EXPECT_THAT(fault_of("kind", "mesage"), HasSubstr("the nearest is \"message\""));
  EXPECT_THAT(fault_of("sealed", "yes"), HasSubstr("\"false\", \"true\""));
  EXPECT_THAT(fault_of("size", "-1"), HasSubstr("whole number"));
  EXPECT_THAT(fault_of("size", "4294967296"), HasSubstr("whole number"));
  EXPECT_THAT(fault_of("ip", "300.1.1.1"), HasSubstr("192.0.2.1"));
  EXPECT_THAT(fault_of("payload", std::string(5000, 'x')), HasSubstr("at most 4096"));
  for (const char* at : {"", "10:00", "2026-02-30 10:00", "2026-07-14T10:00", "2026-07-14 24:00", "tuesday 10:00",
                         "tue 9:00", "2026-13-01 10:00"}) {
    EXPECT_THAT(fault_of("at", at), HasSubstr("at takes")) << at;
  }
  for (const auto name : Question::names())
    EXPECT_THAT(fault_of(name, "x"), testing::Not(HasSubstr("no fact"))) << name;
}

}  // namespace
}  // namespace valise::policy::test
