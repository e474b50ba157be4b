// docs/sealed.md 3.6, D16: which mode holds for whom at what time; what the options of modes take.
#include "modules/omemo/modes.hpp"

#include <gmock/gmock.h>

#include <ctime>

#include "config/load.hpp"
#include "config/options.hpp"
#include "modules/omemo/mode_options.hpp"
#include "modules/omemo/warnings.hpp"

namespace valise::modules::omemo {
namespace {

using testing::HasSubstr;
using testing::Not;
using enum core::Sealing::Mode;

core::Jid jid(std::string_view text) {
  auto parsed = core::Jid::parse(text);
  EXPECT_TRUE(parsed) << text;
  return parsed ? std::move(*parsed) : core::Jid();
}

constexpr std::int64_t day = 1'000'000;  // any moment

Holding holds(const HostModes& modes, std::string_view from, std::string_view to, std::int64_t now = day) {
  const auto recipient = jid(to);
  return modes.of(jid(from), &recipient, now);
}
Mode mode(const HostModes& modes, std::string_view from, std::string_view to, std::int64_t now = day) {
  return holds(modes, from, to, now).mode;
}

Group group(std::string_view text) {
  auto made = parse_group(text);
  EXPECT_TRUE(made) << made.error();
  return made ? std::move(*made) : Group{};
}
Exemption exemption(std::string account, bool sends, bool receives, std::int64_t until_ms) {
  return {.account = std::move(account), .sends = sends, .receives = receives, .until_ms = until_ms, .reason = "a bot"};
}

TEST(Modes, WithoutAnyOptionEverythingHasToBeSealed) {
  const auto holding = holds({}, "a@h.example/x", "b@h.example");
  EXPECT_EQ(holding.mode, required);
  EXPECT_FALSE(holding.exempt || holding.ordinary || holding.until_ms);
}

TEST(Modes, TheHostsModeHoldsForAllOfIt) {
  EXPECT_EQ(mode({.mode = warn}, "a@h.example/x", "b@h.example"), warn);
  const auto holding = holds({.mode = off}, "a@h.example/x", "b@h.example");
  EXPECT_EQ(holding.mode, off);
  EXPECT_TRUE(holding.ordinary) << "nothing is looked at";
}

TEST(Modes, AnotherHostMayHaveAnotherMode) {
  const HostModes modes{.mode = required, .between_hosts = warn};
  EXPECT_EQ(mode(modes, "a@h.example/x", "b@h.example"), required);
  EXPECT_EQ(mode(modes, "a@h.example/x", "b@other.example"), warn);
  EXPECT_EQ(modes.of(jid("a@h.example/x"), nullptr, day).mode, required) << "one's own account";
  EXPECT_FALSE(holds({.mode = required, .between_hosts = off}, "a@h.example/x", "b@other.example").ordinary)
      << "a host whose content has to be sealed is no ordinary server";
  EXPECT_TRUE(holds({.mode = off, .between_hosts = off}, "a@h.example/x", "b@other.example").ordinary);
}

TEST(Modes, UntilItsDateRequiredWarns) {
  const HostModes modes{.mode = required, .from_ms = day};
  const auto before = holds(modes, "a@h.example/x", "b@h.example", day - 1);
  EXPECT_EQ(before.mode, warn);
  EXPECT_EQ(before.until_ms, day);
  const auto then = holds(modes, "a@h.example/x", "b@h.example", day);
  EXPECT_EQ(then.mode, required);
  EXPECT_FALSE(then.until_ms);
  EXPECT_EQ(mode({.mode = off, .from_ms = day}, "a@h.example/x", "b@h.example", day - 1), off);
  EXPECT_EQ(mode({.mode = off, .between_hosts = required, .from_ms = day}, "a@h.example/x", "b@o.example", day - 1),
            warn);
  EXPECT_EQ(mode({.mode = off, .between_hosts = required, .from_ms = day}, "a@h.example/x", "b@o.example", day),
            required);
}

TEST(Modes, AGroupsModeWinsForWhatItsMembersSendAndForNobodyElse) {
  HostModes modes{.mode = required, .between_hosts = warn};
  modes.groups = {group("pilot; off; ann@h.example, *.it@h.example")};
  for (const auto* member : {"ann@h.example/x", "bob.it@h.example/x", ".it@h.example"}) {
    EXPECT_EQ(mode(modes, member, "z@h.example"), off) << member;
    EXPECT_EQ(mode(modes, member, "z@other.example"), off) << member;
    EXPECT_FALSE(holds(modes, member, "z@h.example").ordinary);
    EXPECT_EQ(mode(modes, "z@h.example", member), required) << "it counts who sends";
  }
  for (const auto* other : {"ann@other.example", "anna@h.example", "bob.it.x@h.example", "bob.it@h.example.org"}) {
    EXPECT_EQ(mode(modes, other, "ann@h.example"), jid(other).domain() == "h.example" ? required : warn) << other;
  }
}

TEST(Modes, TheFirstGroupThatNamesSomebodyHolds) {
  HostModes modes;
  modes.groups = {group("one; warn; a@h.example"), group("two; off; *@h.example")};
  EXPECT_EQ(mode(modes, "a@h.example", "z@h.example"), warn);
  EXPECT_EQ(mode(modes, "b@h.example", "z@h.example"), off);
}

TEST(Modes, AGroupEndsAtItsDateAndTheHostsDateIsNotIts) {
  HostModes modes{.mode = required, .from_ms = day};
  modes.groups = {group("pilot; required; a@h.example")};
  EXPECT_EQ(mode(modes, "a@h.example", "z@h.example", day - 1), required) << "the pilot goes ahead";
  EXPECT_EQ(mode(modes, "b@h.example", "z@h.example", day - 1), warn);
  modes = {};
  modes.groups = {group("late; warn; a@h.example")};
  modes.groups.front().until_ms = day;
  EXPECT_EQ(mode(modes, "a@h.example", "z@h.example", day - 1), warn);
  EXPECT_EQ(holds(modes, "a@h.example", "z@h.example", day - 1).until_ms, day);
  EXPECT_EQ(mode(modes, "a@h.example", "z@h.example", day), required);
}

TEST(Modes, AnExemptionHoldsInItsDirectionUntilItsDate) {
  HostModes modes;
  modes.exemptions = {exemption("bot@h.example", true, false, day)};
  const auto sends = holds(modes, "bot@h.example/x", "z@h.example", day - 1);
  EXPECT_TRUE(sends.mode == off && sends.exempt && !sends.ordinary);
  EXPECT_EQ(sends.until_ms, day);
  EXPECT_EQ(mode(modes, "z@h.example/x", "bot@h.example", day - 1), required) << "it does not receive";
  EXPECT_EQ(mode(modes, "bot@h.example/x", "z@h.example", day), required) << "its date has come";
  modes.exemptions = {exemption("bot@h.example", false, true, day)};
  EXPECT_EQ(mode(modes, "bot@h.example/x", "z@h.example", day - 1), required);
  EXPECT_TRUE(holds(modes, "z@h.example/x", "bot@h.example/y", day - 1).exempt);
  EXPECT_FALSE(holds(modes, "z@h.example/x", "bots@h.example", day - 1).exempt);
  modes.groups = {group("all; required; *@h.example")};
  EXPECT_TRUE(holds(modes, "z@h.example/x", "bot@h.example", day - 1).exempt) << "a group does not take it away";
}

TEST(Modes, WhereNothingHasToBeSealedNothingIsExempt) {
  HostModes modes{.mode = off};
  modes.exemptions = {exemption("bot@h.example", true, true, day)};
  const auto holding = holds(modes, "bot@h.example/x", "z@h.example", 0);
  EXPECT_TRUE(holding.ordinary && !holding.exempt);
}

TEST(Modes, TheClockIsOnlyAskedWhereThereIsADate) {
  HostModes modes;
  modes.groups = {group("pilot; warn; a@h.example")};
  EXPECT_FALSE(modes.is_timed());
  modes.groups.front().until_ms = day;
  EXPECT_TRUE(modes.is_timed());
  EXPECT_TRUE(HostModes{.from_ms = day}.is_timed());
  modes = {};
  modes.exemptions = {exemption("bot@h.example", true, true, day)};
  EXPECT_TRUE(modes.is_timed());
}

TEST(Members, AStarStandsForAnyCharacters) {
  Members members;
  members.add("a*b*c@h.example");
  for (const auto* yes : {"abc@h.example", "aXbYc@h.example", "abbbcc@h.example"})
    EXPECT_TRUE(members.contains(yes)) << yes;
  for (const auto* no : {"ac@h.example", "abc@h.examples", "xabc@h.example", "abc@H.example", ""}) {
    EXPECT_FALSE(members.contains(no)) << no;
  }
  EXPECT_TRUE(group("x; off; *@*").members.contains("a@b"));
}

TEST(Moments, ADateIsItsFirstMomentHereAndAMomentIsItself) {
  std::tm midnight{};
  midnight.tm_year = 2027 - 1900;
  midnight.tm_mon = 2;
  midnight.tm_mday = 1;
  midnight.tm_isdst = -1;
  EXPECT_EQ(moment_of("2027-03-01"), std::int64_t{std::mktime(&midnight)} * 1000);
  EXPECT_EQ(moment_of("2027-03-01T08:00:00+01:00"), moment_of("2027-03-01T07:00:00Z"));
  EXPECT_EQ(moment_of("1970-01-01T00:00:01.5Z"), 1'500);
  for (const auto* none :
       {"", "2027-02-29", "2027-13-01", "2027-3-1", "01.03.2027", "2027-03-01 08:00:00", "tomorrow"}) {
    EXPECT_FALSE(moment_of(none)) << none;
  }
}

TEST(Groups, AreReadFromOneTextOrSayWhatTheyTake) {
  const auto made = group(" pilot ;required; ANN@H.example , *.It@h.example ; until 2027-03-01 ");
  EXPECT_EQ(made.name, "pilot");
  EXPECT_EQ(made.mode, required);
  EXPECT_EQ(made.until_ms, moment_of("2027-03-01"));
  EXPECT_THAT(made.members.all(), testing::ElementsAre("ann@h.example", "*.it@h.example"));
  const auto fault = [](std::string_view text) {
    const auto parsed = parse_group(text);
    return parsed ? std::string() : parsed.error();
  };
  EXPECT_THAT(fault(""), HasSubstr("takes NAME; MODE; MEMBERS"));
  EXPECT_THAT(fault("the pilot; warn; a@h.example"), HasSubstr("takes NAME"));
  EXPECT_THAT(fault("p; maybe; a@h.example"), HasSubstr("none of required, warn, off"));
  EXPECT_THAT(fault("p; warn;"), HasSubstr("takes NAME"));
  EXPECT_THAT(fault("p; warn; h.example"), HasSubstr("no account"));
  EXPECT_THAT(fault("p; warn; a@h.example/x"), HasSubstr("no account"));
  EXPECT_THAT(fault("p; warn; a@h.example,, b@h.example"), HasSubstr("no account"));
  EXPECT_THAT(fault("p; warn; *"), HasSubstr("pattern"));
  EXPECT_THAT(fault("p; warn; *@h.example/x"), HasSubstr("pattern"));
  EXPECT_THAT(fault("p; warn; a@h.example; 2027-03-01"), HasSubstr("no date"));
  EXPECT_THAT(fault("p; warn; a@h.example; until 2027-02-29"), HasSubstr("no date"));
  EXPECT_THAT(fault("p; warn; a@h.example; until 2027-03-01; more"), HasSubstr("takes NAME"));
  std::string many = "p; warn; *0@h.example";
  for (int i = 1; i < 64; ++i) many += ", *" + std::to_string(i) + "@h.example";
  EXPECT_EQ(fault(many), "");
  EXPECT_THAT(fault(many + ", *x@h.example"), HasSubstr("more than 64 patterns"));
}

TEST(Exemptions, HaveAnAccountADirectionAnEndAndAReason) {
  const auto made = parse_exemption("Bot@H.example; sends ; until 2027-03-01; its vendor; in spring");
  ASSERT_TRUE(made) << made.error();
  EXPECT_EQ(made->account, "bot@h.example");
  EXPECT_TRUE(made->sends && !made->receives);
  EXPECT_EQ(made->until_ms, moment_of("2027-03-01"));
  EXPECT_EQ(made->reason, "its vendor; in spring");
  const auto both = parse_exemption("b@h.example; both; until 2027-03-01; x");
  ASSERT_TRUE(both);
  EXPECT_TRUE(both->sends && both->receives);
  const auto fault = [](std::string_view text) {
    const auto parsed = parse_exemption(text);
    return parsed ? std::string() : parsed.error();
  };
  EXPECT_THAT(fault("*@h.example; both; until 2027-03-01; x"), HasSubstr("takes ACCOUNT"));
  EXPECT_THAT(fault("h.example; both; until 2027-03-01; x"), HasSubstr("takes ACCOUNT"));
  EXPECT_THAT(fault("b@h.example; all; until 2027-03-01; x"), HasSubstr("none of sends, receives, both"));
  EXPECT_THAT(fault("b@h.example; both; 2027-03-01; x"), HasSubstr("no end"));
  EXPECT_THAT(fault("b@h.example; both; for ever; x"), HasSubstr("no end"));
  EXPECT_THAT(fault("b@h.example; both; until 2027-03-01"), HasSubstr("no reason"));
  EXPECT_THAT(fault("b@h.example; both; until 2027-03-01; "), HasSubstr("no reason"));
  EXPECT_THAT(fault("b@h.example; both; until 2027-03-01; " + std::string(257, 'x')), HasSubstr("no reason"));
  EXPECT_EQ(fault("b@h.example; both; until 2027-03-01; " + std::string(256, 'x')), "");
}

// ---- the options

const config::Registry& registry() {
  static const config::Registry one = [] {
    config::Registry made;
    made.add(config::kernel_options());
    add_mode_options(made);
    return made;
  }();
  return one;
}

// What is wrong with a configuration of two hosts, or what is warned of.
std::string found(const std::string& line) {
  const auto loaded = config::load_text("host['h.example'] = {}\nhost['o.example'] = {}\n" + line, "c.lua", registry());
  if (!loaded) return loaded.error().front().message();
  config::Findings findings(**loaded);
  check_modes(**loaded, findings);
  std::string out;
  for (const auto& error : findings.errors) out += error.message() + "\n";
  for (const auto& warning : findings.warnings) out += "warning " + warning.message() + "\n";
  return out;
}

TEST(ModeOptions, SayFileLineAndWhatIsWrong) {
  EXPECT_EQ(found("sealed.groups = { 'p; warn; a@h.example, *@o.example' } sealed.from = '2027-03-01'"), "");
  EXPECT_THAT(found("sealed.from = 'soon'"), HasSubstr("c.lua:3: \"sealed.from\" cannot be \"soon\": takes a date"));
  EXPECT_THAT(found("sealed.groups = { 'p; warm; a@h.example' }"), HasSubstr("c.lua:3: \"sealed.groups\" cannot be"));
  EXPECT_THAT(found("sealed.exemptions = { 'b@h.example' }"), HasSubstr("c.lua:3: \"sealed.exemptions\" cannot be"));
  EXPECT_THAT(found("sealed.groups = { 'p; warn; a@h.example', 'p; off; b@h.example' }"),
              HasSubstr("c.lua:3: sealed.groups: two groups \"p\""));
  EXPECT_THAT(found("sealed.groups = { 'p; warn; a@h.exampel' }"),
              HasSubstr("\"a@h.exampel\" is no account of one of this server's hosts; the nearest is \"h.example\""));
  EXPECT_THAT(found("host['h.example'].sealed.exemptions = { 'b@x.example; both; until 2999-01-01; x' }"),
              HasSubstr("c.lua:3: sealed.exemptions: \"b@x.example\" is no account"));
}

TEST(ModeOptions, WhatHasExpiredIsWarnedOfAndWhatHasNotIsNot) {
  EXPECT_THAT(found("sealed.exemptions = { 'b@h.example; both; until 2020-01-01T00:00:00Z; x' }"),
              HasSubstr("warning c.lua:3: sealed.exemptions: the exemption of b@h.example expired at "
                        "2020-01-01T00:00:00.000Z and does nothing"));
  EXPECT_EQ(found("sealed.exemptions = { 'b@h.example; both; until 2999-01-01T00:00:00Z; x' }"), "");
  EXPECT_THAT(found("sealed.groups = { 'p; off; b@h.example; until 2020-01-01' }"),
              HasSubstr("warning c.lua:3: sealed.groups: the group \"p\" expired"));
}

TEST(ModeOptions, AreByHost) {
  const auto loaded = config::load_text(
      "sealed.between_hosts = 'warn'\nhost['h.example'].sealed.mode = 'warn'\n"
      "host['o.example'].sealed.between_hosts = 'off'\nhost['o.example'].sealed.rules = 'laxer'",
      "c.lua", registry());
  ASSERT_TRUE(loaded);
  const auto first = host_modes(**loaded, "h.example");
  const auto second = host_modes(**loaded, "o.example");
  EXPECT_TRUE(first.mode == warn && first.between_hosts == warn && !first.laxer_rules);
  EXPECT_TRUE(second.mode == required && second.between_hosts == off && second.laxer_rules);
  EXPECT_THAT(exceptions_of(**loaded, "o.example"), HasSubstr("sealed.rules"));
  EXPECT_THAT(exceptions_of(**loaded, "h.example"), Not(HasSubstr("sealed.rules")));
}

// ---- warnings

TEST(DailyWarnings, OnceADayAndAccount) {
  DailyWarnings warned;
  EXPECT_TRUE(warned.due("a@h.example", 5));
  EXPECT_FALSE(warned.due("a@h.example", 5 + DailyWarnings::every_ms - 1));
  EXPECT_TRUE(warned.due("b@h.example", 5 + DailyWarnings::every_ms - 1));
  EXPECT_TRUE(warned.due("a@h.example", 5 + DailyWarnings::every_ms));
  EXPECT_FALSE(warned.due("a@h.example", 6 + DailyWarnings::every_ms)) << "counted from the last one";
}

TEST(DailyWarnings, InAFullTableTheOldAreForgottenFirst) {
  DailyWarnings warned;
  EXPECT_TRUE(warned.due("old@h.example", 0));
  const auto now = DailyWarnings::every_ms;
  for (std::size_t i = 1; i < DailyWarnings::most; ++i) {
    EXPECT_TRUE(warned.due("a" + std::to_string(i) + "@h.example", now));
  }
  EXPECT_TRUE(warned.due("new@h.example", now));
  EXPECT_FALSE(warned.due("a1@h.example", now)) << "only the one of yesterday had to go";
}

TEST(DailyWarnings, TheTextNamesTheDayInBothLanguages) {
  const auto moment = moment_of("2027-03-01");
  const auto english = warning_text("plaintext", moment, core::Language::english);
  EXPECT_TRUE(english.starts_with("From 1 March 2027 on, this server will not deliver")) << english;
  EXPECT_THAT(english, HasSubstr("Switch on OMEMO"));
  const auto french = warning_text("plaintext", moment, core::Language::french);
  EXPECT_TRUE(french.starts_with("À partir du 1er mars 2027, ce serveur ne transmettra plus")) << french;
  EXPECT_TRUE(
      warning_text("file", moment_of("2027-08-20"), core::Language::french).starts_with("À partir du 20 août 2027"));
  EXPECT_TRUE(warning_text("file", {}, core::Language::english).starts_with("Soon, "));
  EXPECT_TRUE(warning_text("file", {}, core::Language::french).starts_with("Bientôt, "));
  EXPECT_THAT(warning_text("no-device", {}, core::Language::english), HasSubstr("The recipient must open"));
}

}  // namespace
}  // namespace valise::modules::omemo
