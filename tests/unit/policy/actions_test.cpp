// What the newer actions ask for.
#include <cstdlib>
#include <ctime>

#include "policies.hpp"
#include "policy/opening.hpp"
#include "policy/question.hpp"

namespace valise::policy::test {
namespace {

using testing::HasSubstr;

TEST(Actions, QuietIsForWhatArrives) {
  const auto set = loaded("rule{ name = 'r', match = Kind('message') * Direction('in'), action = Quiet() }");
  auto facts = message();
  facts.direction = Direction::in;
  const auto decision = set->decide(facts);
  EXPECT_TRUE(decision.quiet);
  EXPECT_EQ(decision.verdict, Verdict::allow);
}

TEST(Actions, DelayIsForSoLongOrUntilATime) {
  const auto set = loaded(R"(
    rule{ name = 'a', match = Type('chat'), action = Delay('10m') }
    rule{ name = 'b', match = Type('chat'), action = Delay(5) }
    rule{ name = 'c', match = Type('headline'), action = Delay(Hours('08:00-09:00') * -Holiday('fr')) }
    rule{ name = 'd', match = Type('headline'), action = Delay(Weekday('sun') + Date('2026-12-24')) })");
  auto facts = message();  // Monday, 5 January 2026 at 10:30
  facts.day = 20'458;
  auto decision = set->decide(facts);
  EXPECT_EQ(decision.verdict, Verdict::allow);
  EXPECT_EQ(decision.pause, (Pause{.ms = 600'000}));
  EXPECT_EQ(decision.paused_by, "a");
  facts.type = "headline";
  decision = set->decide(facts);
  EXPECT_EQ(decision.pause.ms, 0);
  EXPECT_EQ(decision.pause.until_minute, local_minute(facts) + 6 * 1440 - 630) << text_of(decision.pause.until_minute);
  EXPECT_EQ(decision.paused_by, "c");
  facts.type = "normal";
  EXPECT_FALSE(set->decide(facts).pause.any());
}

TEST(Actions, DelayDoesNotWaitForWhatIsTrueNow) {
  const auto set = loaded("rule{ name = 'a', match = Always(), action = Delay(Hours('10:00-11:00')) }");
  auto facts = message();
  EXPECT_FALSE(set->decide(facts).pause.any());
  EXPECT_EQ(set->decide(facts).paused_by, "");
  facts.minute_of_week += 30;  // 11:00
  EXPECT_EQ(set->decide(facts).pause.until_minute, local_minute(facts) + 23 * 60);
  facts.minute_of_week -= 31;  // a clock that was set back
  EXPECT_FALSE(set->decide(facts).pause.any());
}

TEST(Actions, DelayThatNeverEndsFails) {
  const auto set = loaded("rule{ name = 'a', match = Always(), action = Delay(Date('2001-01-01')) }");
  const auto decision = set->decide(message());
  EXPECT_EQ(decision.reason, Reason::policy_failed);
  EXPECT_THAT(set->last_error(), HasSubstr("Delay(Date(\"2001-01-01\")): it does not come within 400 days"));
}

TEST(Actions, DelayTakesATimeAndNothingElse) {
  const auto why = [](const std::string& what) {
    return fault("rule{ name = 'a', match = Always(),\n action = Delay(" + what + ") }");
  };
  EXPECT_EQ(why("'31d'"), "");
  for (const auto* wrong : {"0", "'32d'", "-1", "'soon'"})
    EXPECT_THAT(why(wrong), HasSubstr("p.lua:2: Delay")) << wrong;
  for (const auto* wrong : {"Kind('message')", "Hours('08:00-09:00') * From('a@b')", "function() end", "Always()"}) {
    EXPECT_THAT(why(wrong), HasSubstr("p.lua:2: Delay takes a time such as")) << wrong;
  }
  EXPECT_THAT(why("{}"), HasSubstr("p.lua:2: a matcher or a function is wanted here"));
}

TEST(Opening, KnowsWhenTheClocksChange) {
  const std::string before = getenv("TZ") == nullptr ? "" : getenv("TZ");
  setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1);
  tzset();
  // Saturday, 28 March 2026 at 20:00; the clocks go on an hour in the night.
  const auto saturday = local_time(1'774'724'400);
  Facts facts;
  facts.day = saturday.day;
  facts.minute_of_week = saturday.minute_of_week;
  EXPECT_EQ(text_of(local_minute(facts)), "2026-03-28 20:00");
  const auto set =
      loaded("rule{ name = 'a', match = Always(), action = Delay(Weekday('mon-fri') * Hours('08:00-19:00')) }");
  facts.event = Event::message;
  const auto until = set->decide(facts).pause.until_minute;
  EXPECT_EQ(text_of(until), "2026-03-30 08:00");
  EXPECT_EQ(utc_ms_of(until), 1'774'850'400'000);  // 06:00 UTC
  EXPECT_EQ(utc_ms_of(local_minute(facts)), 1'774'724'400'000);
  setenv("TZ", before.c_str(), 1);
  if (before.empty()) unsetenv("TZ");
  tzset();
}

TEST(Actions, KeepIsForArchivesAlone) {
  const auto set = loaded(R"(
    rule{ name = 'a', match = Kind('archive'), action = Keep{ days = 365 } }
    rule{ name = 'b', match = Kind('archive') * From('alice@example.org'), action = Keep{ days = 30 } }
    rule{ name = 'c', match = From('alice@example.org'), action = Drop() })");
  EXPECT_EQ(set->fewest_keep_days(), 30U);
  auto facts = message();
  facts.event = Event::archive;
  auto decision = set->decide(facts);
  EXPECT_EQ(decision.keep_days, 30U);
  EXPECT_EQ(decision.verdict, Verdict::allow);
  facts.from = {"bob@example.org", "example.org", ""};
  EXPECT_EQ(set->decide(facts).keep_days, 365U);
  EXPECT_EQ(set->decide(message()).verdict, Verdict::drop);
  EXPECT_THAT(fault("rule{ name = 'x', match = Kind('message'), action = Keep{ days = 1 } }"),
              HasSubstr("rule \"x\": Keep stands in rules with Kind(\"archive\")"));
  EXPECT_THAT(fault("rule{ name = 'x', match = Always(), action = Keep{ days = -1 } }"), HasSubstr("days"));
  EXPECT_THAT(fault("rule{ name = 'x', match = Always(), action = Keep(3) }"), HasSubstr("Keep takes a table"));
}

TEST(Actions, RedirectNamesWhomToWriteTo) {
  const auto set = loaded("rule{ name = 'r', match = Always(), action = Redirect('Deputy@Example.org') }");
  const auto decision = set->decide(message());
  EXPECT_EQ(decision.verdict, Verdict::deny);
  EXPECT_EQ(decision.error.condition, "redirect");
  EXPECT_EQ(decision.error.type, "modify");
  EXPECT_EQ(decision.redirect, "deputy@example.org");
  EXPECT_EQ(decision.text_en, "Write to deputy@example.org instead.");
  EXPECT_EQ(decision.text_fr, "Écrivez à deputy@example.org.");
  const auto why = [](const std::string& what) {
    return fault("rule{ name = 'a', match = Always(),\n action = Redirect(" + what + ") }");
  };
  EXPECT_EQ(why("{ 'a@b', fr = 'x', en = 'y' }"), "");
  EXPECT_THAT(why("'*@b'"), HasSubstr("p.lua:2: Redirect takes the address of one account, not \"*@b\""));
  EXPECT_THAT(why("'a@b/c'"), HasSubstr("takes the address of one account"));
  EXPECT_THAT(why("{ 'a@b', de = 'x' }"), HasSubstr("Redirect has no \"de\""));
  EXPECT_THAT(why("{}"), HasSubstr("p.lua:2: Redirect"));
  EXPECT_THAT(why("'b.org'"), HasSubstr("takes the address of one account"));
  EXPECT_THAT(why("{ 'a@b', 'Write' }"), HasSubstr("Redirect takes one address; a text is said as fr ="));
}

TEST(Actions, OfSeveralLimitsTheStrictestNumberHolds) {
  const auto set = loaded(R"(
    rule{ name = 'a', match = Kind('session'), action = Limit{ stanzas_per_s = 20, rate = 8192 } }
    rule{ name = 'b', match = Kind('session'), action = { Limit{ stanzas_per_s = 5, stanzas_burst = 50 }, Limit{ rate = 16384 } } }
    rule{ name = 'c', match = Kind('publish'), action = RequireApproval() })");
  auto facts = message();
  facts.event = Event::session;
  facts.direction = Direction::out;
  const auto decision = set->decide(facts);
  EXPECT_EQ(decision.pace, (Pace{.rate = 8192, .stanzas_per_s = 5, .stanzas_burst = 50}));
  EXPECT_FALSE(decision.needs_approval);
  facts.event = Event::device;
  EXPECT_TRUE(set->decide(facts).needs_approval) << "a device is a publication";
  EXPECT_EQ(set->decide(facts).pace, Pace());
  EXPECT_EQ(set->describe()[1].action, "Limit{stanzas_per_s = 5, stanzas_burst = 50}, Limit{rate = 16384}");
}

TEST(Actions, SayWhatElseIsToHappen) {
  const auto set = loaded(R"(
    rule{ name = 'r', match = Always(), action = { Record('seen'), Disconnect(), Notify('Look.', '1m'),
      Strip('receipt', 'urn:a'), Strip{ {'x', 'urn:x'}, 'y' }, Allow() } })");
  auto facts = message();
  auto decision = set->decide(facts);
  EXPECT_EQ(decision.verdict, Verdict::allow);
  EXPECT_EQ(decision.record, "seen");
  EXPECT_TRUE(decision.disconnect);
  ASSERT_EQ(decision.notice_count, 1u);
  EXPECT_EQ(decision.notices[0].fr, "Look.");
  EXPECT_EQ(decision.notices[0].en, "Look.");
  ASSERT_EQ(decision.strip_count, 2u);
  EXPECT_EQ((*decision.strips[1])[1].name, "y");
  EXPECT_EQ(set->decide(facts).notice_count, 0u) << "once a minute";
  facts.now_ms += 60'000;
  EXPECT_EQ(set->decide(facts).notice_count, 1u);
  EXPECT_EQ(set->describe()[0].action,
            "Record(\"seen\"), Disconnect(), Notify(\"Look.\"), Strip{{\"receipt\", \"urn:a\"}}, "
            "Strip{{\"x\", \"urn:x\"}, {\"y\"}}, Allow()");
}

TEST(Actions, SayWhatTheyTake) {
  EXPECT_THAT(fault("Strip('encrypted')"), HasSubstr("leaves the seal alone"));
  EXPECT_THAT(fault("Strip('*')"), HasSubstr("takes a namespace"));
  EXPECT_THAT(fault("Strip{}"), HasSubstr("1 to 32 elements"));
  EXPECT_THAT(fault("Record('two words')"), HasSubstr("letters, digits"));
  EXPECT_THAT(fault("Notify('x', 1)"), HasSubstr("at most once in 10 seconds"));
  EXPECT_THAT(fault("Notify('a\\nb')"), HasSubstr("one line of text"));
  EXPECT_THAT(fault("Deny{ 'forbidden', 'No.' }"), HasSubstr("a text is said as fr"));
  EXPECT_THAT(fault("Deny('forbidden', 'No.')"), HasSubstr("a text is said as fr"));
  EXPECT_THAT(fault("Notify{ fr = 'a' }"), HasSubstr("en"));
  EXPECT_THAT(fault("Notify{ fr = 'a', en = 'b', every = 1 }"), HasSubstr("at most once in 10 seconds"));
}

}  // namespace
}  // namespace valise::policy::test
