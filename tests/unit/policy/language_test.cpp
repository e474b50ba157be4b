// The newer words of the language: events, relations, calendars, groups, chains.
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "policies.hpp"
#include "policy/calendar.hpp"
#include "policy/test_file.hpp"

namespace valise::policy::test {
namespace {

using testing::HasSubstr;

TEST(Events, ASubscriptionIsAPresenceAndADeviceListAPublication) {
  auto facts = message();
  facts.event = Event::presence;
  facts.type = "subscribe";
  EXPECT_TRUE(matches("Kind('presence')", facts));
  EXPECT_TRUE(matches("Kind('subscription')", facts));
  EXPECT_TRUE(matches("function(m) return m.kind == 'presence' and m.event == 'subscription' end", facts));
  facts.type = "available";
  EXPECT_FALSE(matches("Kind('subscription')", facts));
  EXPECT_TRUE(matches("Kind('presence')", facts));
  facts.event = Event::publish;
  facts.payload = "urn:xmpp:omemo:2:devices";
  facts.new_devices = 1;
  facts.devices = 3;
  EXPECT_TRUE(matches("Kind('device') * NewDevices('>', 0) * Devices('==', 3)", facts));
  EXPECT_TRUE(matches("Kind('publish')", facts));
  facts.payload = "urn:xmpp:omemo:2:bundles";
  EXPECT_FALSE(matches("Kind('device')", facts));
}

TEST(Events, AreDeclaredBeforeTheirFeatureIsThere) {
  for (const auto name : event_names) {
    EXPECT_EQ(fault("rule{ name = 'r', match = Kind('" + std::string(name) + "'), action = Drop() }"), "") << name;
  }
  EXPECT_THAT(fault("Kind('room_jion')"), HasSubstr("the nearest is \"room_join\""));
  const auto set = loaded("rule{ name = 'r', match = Kind('upload') * Size('>', 10), action = Drop() }");
  EXPECT_TRUE(set->concerns(Event::upload, Direction::out));
  EXPECT_FALSE(set->concerns(Event::message, Direction::out));
}

TEST(Matchers, ReadTheirFacts) {
  const std::string groups[] = {"Cabinet", "Amis"};
  const ElementName children[] = {{"receipt", "urn:a"}, {"encrypted", "urn:b"}};
  auto facts = message();
  facts.subscription = "from";
  facts.pending = true;
  facts.shown = true;
  facts.roster_groups = groups;
  facts.children = children;
  facts.sessions = 3;
  facts.client = "https://conversations.im";
  facts.device_age_s = 3600;
  facts.to_local = true;
  facts.from_admin = true;
  facts.uses = 5;
  facts.label = "DR";
  facts.datacenter = "paris";
  facts.affiliation = "owner";
  facts.occupants = 200;
  const std::pair<const char*, bool> cases[] = {{"Contact()", true},
                                                {"Contact(false)", false},
                                                {"Subscription('from')", true},
                                                {"Subscription{'to', 'both'}", false},
                                                {"Pending()", true},
                                                {"Asked()", false},
                                                {"Shown()", true},
                                                {"RosterGroup('Cabinet')", true},
                                                {"RosterGroup{'x', 'Amis'}", true},
                                                {"RosterGroup('amis')", false},
                                                {"Child('receipt')", true},
                                                {"Child('receipt', 'urn:a')", true},
                                                {"Child('receipt', 'urn:b')", false},
                                                {"Child('*', 'urn:b')", true},
                                                {"Sessions('>=', 3)", true},
                                                {"Client('*conversations*')", true},
                                                {"Client('conversations')", false},
                                                {"DeviceAge('<', '2h')", true},
                                                {"DeviceAge('<', '1h')", false},
                                                {"DeviceAge('>=', 3600)", true},
                                                {"DeviceId(27183)", true},
                                                {"DeviceId{1, 2, 27183}", true},
                                                {"DeviceId{1, 2}", false},
                                                {"Local('to')", true},
                                                {"Local('from')", false},
                                                {"Administrator('from')", true},
                                                {"Administrator('to')", false},
                                                {"FullAddress('from')", true},
                                                {"FullAddress('to')", false},
                                                {"ToSelf()", false},
                                                {"ToSelf(false)", true},
                                                {"ChannelBinding()", false},
                                                {"ChannelBinding(false)", true},
                                                {"Uses('==', 5)", true},
                                                {"Language('fr')", true},
                                                {"Label('DR')", true},
                                                {"Label{'secret', 'DR'}", true},
                                                {"Label('')", false},
                                                {"Datacenter('paris')", true},
                                                {"Affiliation('owner')", true},
                                                {"Occupants('>=', 200)", true},
                                                {"Occupants('>', 200)", false}};
  for (const auto& [matcher, expected] : cases) EXPECT_EQ(matches(matcher, facts), expected) << matcher;
  facts.device_age_s = -1;
  EXPECT_FALSE(matches("DeviceAge('>=', 0)", facts)) << "what is not known never matches";
  facts.mechanism = "SCRAM-SHA-256-PLUS";
  EXPECT_TRUE(matches("ChannelBinding()", facts));
  facts.to = facts.from;
  EXPECT_TRUE(matches("ToSelf()", facts));
}

TEST(Matchers, SayWhatTheyTake) {
  EXPECT_THAT(fault("Subscription('bth')"), HasSubstr("the nearest is \"both\""));
  EXPECT_THAT(fault("Local('sender')"), HasSubstr("it takes \"from\", \"to\""));
  EXPECT_THAT(fault("Child('*')"), HasSubstr("takes a namespace"));
  EXPECT_THAT(fault("DeviceId('x')"), HasSubstr("takes a number"));
  EXPECT_THAT(fault("DeviceId(0)"), HasSubstr("from 1"));
  EXPECT_THAT(fault("DeviceAge('<', 'soon')"), HasSubstr("\"7d\""));
  EXPECT_THAT(fault("Date('2026-02-30')"), HasSubstr("is no day"));
  EXPECT_THAT(fault("Holiday('fr-alsace')"), HasSubstr("is no calendar"));
  EXPECT_THAT(fault("Contact('yes')"), HasSubstr("true or false"));
  EXPECT_THAT(fault("Suscription('both')"), HasSubstr("the nearest is \"Subscription\""));
}

TEST(Matchers, TakeNoMoreThanTheySay) {
  const auto why = [](const std::string& match) {
    return fault("rule{ name = 'r', match = " + match + ", action = Allow() }");
  };
  EXPECT_THAT(why("Kind('message', 'presence')"), HasSubstr("Kind takes one argument: Kind(kind | {kind, …})"));
  EXPECT_THAT(why("Always(1)"), HasSubstr("Always takes nothing: Always()"));
  EXPECT_THAT(why("Size('>', 3, 4)"), HasSubstr("Size takes at most 2 arguments: Size(op, bytes)"));
  EXPECT_EQ(why("Child('a', 'b')"), "");
  EXPECT_THAT(why("not Kind('message')"), HasSubstr("not true or false: `-a` says what Lua's `not a` does not"));
  EXPECT_THAT(fault("rule{ name = 'r', match = Always(), action = Delay(Hours('08:00-09:00'), '1h') }"),
              HasSubstr("Delay takes one argument"));
  EXPECT_THAT(fault("rule{ name = 'r', match = Always(), action = Deny('forbidden', 'text') }"), HasSubstr("fr = "));
}

TEST(Matchers, NameTheFactsThatCostSomething) {
  const auto wants = [](const char* matcher, Costly what) {
    return loaded("rule{ name = 'r', match = " + std::string(matcher) + ", action = Drop() }")->wants(what);
  };
  EXPECT_FALSE(wants("Kind('message')", Costly::relation));
  EXPECT_TRUE(wants("Contact()", Costly::relation));
  EXPECT_FALSE(wants("Contact()", Costly::children));
  EXPECT_TRUE(wants("Child('x')", Costly::children));
  EXPECT_TRUE(wants("function(m) return m.shown end", Costly::shown));
  EXPECT_FALSE(loaded(PolicySet::stock())->wants(Costly::relation));
}

TEST(Patterns, TenThousandAreFoundByTheirEnds) {
  const auto set = loaded(R"(
    local many = {}
    for i = 1, 5000 do many[#many + 1] = 'bot' .. i .. '-*@example.org' many[#many + 1] = '*@d' .. i .. '.example' end
    rule{ name = 'r', match = From(many), action = Drop() })");
  auto facts = message();
  const auto drops = [&](std::string_view jid) {
    facts.from.bare = jid;
    return set->decide(facts).verdict == Verdict::drop;
  };
  EXPECT_TRUE(drops("bot17-a@example.org"));
  EXPECT_TRUE(drops("bot5000-@example.org"));
  EXPECT_FALSE(drops("bot5001-a@example.org"));
  EXPECT_FALSE(drops("bot17-a@example.net"));
  EXPECT_TRUE(drops("x@d4999.example"));
  EXPECT_FALSE(drops("x@d5001.example"));
  EXPECT_FALSE(drops(""));
}

// ---- calendars

std::int32_t day(int year, unsigned month, unsigned of_month) { return day_from_civil({year, month, of_month}); }

TEST(Calendar, CountsDaysBothWays) {
  EXPECT_EQ(day(1970, 1, 1), 0);
  EXPECT_EQ(day(2000, 3, 1), 11'017);
  EXPECT_EQ(day(1969, 12, 31), -1);
  for (std::int32_t one = -800'000; one < 800'000; one += 37) ASSERT_EQ(day_from_civil(civil_from_day(one)), one);
}

TEST(Calendar, KnowsTheHolidaysOfFrance) {
  const std::array<std::array<unsigned, 2>, 11> of_2026{
      {{1, 1}, {4, 6}, {5, 1}, {5, 8}, {5, 14}, {5, 25}, {7, 14}, {8, 15}, {11, 1}, {11, 11}, {12, 25}}};
  int count = 0;
  for (auto one = day(2026, 1, 1); one < day(2027, 1, 1); ++one) count += is_french_holiday(one, false) ? 1 : 0;
  EXPECT_EQ(count, 11);
  for (const auto& [month, of_month] : of_2026)
    EXPECT_TRUE(is_french_holiday(day(2026, month, of_month), false)) << month;
  EXPECT_TRUE(is_french_holiday(day(2026, 4, 3), true)) << "Good Friday";
  EXPECT_FALSE(is_french_holiday(day(2026, 4, 3), false));
  EXPECT_TRUE(is_french_holiday(day(2026, 12, 26), true));
  EXPECT_FALSE(is_french_holiday(day(2026, 12, 26), false));
  // Easter Monday of years at the edges of the reckoning.
  for (const auto& [year, month, of_month] : {std::array{2024, 4, 1},
                                              {2025, 4, 21},
                                              {2027, 3, 29},
                                              {2038, 4, 26},
                                              {2008, 3, 24},
                                              {2000, 4, 24},
                                              {1981, 4, 20},
                                              {1954, 4, 19},
                                              {2100, 3, 29}}) {
    EXPECT_TRUE(is_french_holiday(day(year, static_cast<unsigned>(month), static_cast<unsigned>(of_month)), false))
        << year;
  }
}

TEST(Calendar, DatesAndHolidaysInRules) {
  auto facts = message();
  const auto on = [&](int year, unsigned month, unsigned of_month, const char* matcher) {
    facts.day = day(year, month, of_month);
    return matches(matcher, facts);
  };
  EXPECT_TRUE(on(2026, 12, 24, "Date('2026-12-24')"));
  EXPECT_FALSE(on(2027, 12, 24, "Date('2026-12-24')"));
  EXPECT_TRUE(on(2027, 12, 24, "Date('12-24')"));
  EXPECT_TRUE(on(2026, 8, 31, "Date('2026-07-01..2026-08-31')"));
  EXPECT_FALSE(on(2026, 9, 1, "Date('2026-07-01..2026-08-31')"));
  EXPECT_TRUE(on(2026, 1, 1, "Date('12-24..01-02')"));
  EXPECT_TRUE(on(2026, 12, 31, "Date('12-24..01-02')"));
  EXPECT_FALSE(on(2026, 1, 3, "Date('12-24..01-02')"));
  EXPECT_TRUE(on(2028, 2, 29, "Date{'02-29', '05-05'}"));
  EXPECT_TRUE(on(2026, 5, 14, "Holiday('fr')"));
  EXPECT_FALSE(on(2026, 5, 15, "Holiday('fr')"));
  EXPECT_TRUE(on(2026, 12, 26, "Holiday('fr-alsace-moselle')"));
  EXPECT_TRUE(on(2026, 5, 15, "function(m) return m.year == 2026 and m.month == 5 and m.day == 15 end"));
  for (const char* bad :
       {"2026-13-01", "2026-00-01", "00-10", "2026-1-1", "2026-12-24..12-26", "2026-12-24..2026-12-01", "2026-12-24..",
        "..", "-026-01-01", "2026-12-241", "02-30", "2027-02-29", ""}) {
    EXPECT_NE(fault("Date('" + std::string(bad) + "')"), "") << bad;
  }
}

// ---- groups

class InFolder : public testing::Test {
 protected:
  InFolder() { std::filesystem::create_directories(folder_); }
  ~InFolder() override { std::filesystem::remove_all(folder_); }
  void write(const std::string& name, const std::string& text) const {
    std::ofstream(folder_ + name) << text;
    ::chmod((folder_ + name).c_str(), 0644);
  }
  [[nodiscard]] PolicySet::Loaded load(const std::string& source) const {
    write("policy.lua", source);
    return PolicySet::load_file(folder_ + "policy.lua");
  }
  [[nodiscard]] std::string fault_of(const std::string& source) const {
    const auto set = load(source);
    return set ? std::string() : set.error().message();
  }
  const std::string folder_ = testing::TempDir() + "valise_groups_" + std::to_string(::getpid()) + "/";
};
using Files = InFolder;

TEST(Groups, HaveMembersDomainsAndOtherGroups) {
  const auto set = loaded(R"(
    rule{ name = 'in', match = Entering('all'), action = Deny('forbidden') }
    rule{ name = 'crossing', match = Crossing{ 'interior', 'justice' }, action = Drop() }
    rule{ name = 'named', match = FromGroup{ 'justice', 'interior' } * function(m) return m:in_group('to', 'interior') end, action = Deny('conflict') }
    group{ name = 'all', includes = { 'interior', 'justice' } }
    group{ name = 'interior', members = { 'Alice@interior.example' }, domain = '*.interior.example' }
    group{ name = 'justice', members = { ['bob@justice.example'] = true } })");
  auto facts = message();
  const auto rule = [&](std::string_view from, std::string_view to) {
    const auto domain = [](std::string_view jid) { return jid.substr(jid.find('@') + 1); };
    facts.from = {from, domain(from), ""};
    facts.to = {to, domain(to), ""};
    return std::string(set->decide(facts).rule);
  };
  EXPECT_EQ(rule("x@else.example", "bob@justice.example"), "in");
  EXPECT_EQ(rule("alice@interior.example", "bob@justice.example"), "crossing");
  EXPECT_EQ(rule("bob@justice.example", "x@paris.interior.example"), "crossing");
  EXPECT_EQ(rule("alice@interior.example", "x@paris.interior.example"), "named");
  EXPECT_EQ(rule("alice@interior.example", "x@else.example"), "");
  EXPECT_EQ(set->describe()[0].match, "ToGroup(\"all\") * -FromGroup(\"all\")");
}

TEST(Groups, WhoIsOfTwoCrossesNothingBetweenThem) {
  const auto set = loaded(R"(
    group{ name = "a", members = { "a@x", "both@x" } } group{ name = "b", members = { "b@x", "both@x" } }
    group{ name = "c", domain = "c" }
    rule{ name = "walls", match = Crossing{ "a", "b", "c" }, action = Drop() })");
  const auto crosses = [&](std::string_view from, std::string_view to) {
    auto facts = message();
    facts.from = {from, from.substr(from.find('@') + 1), ""};
    facts.to = {to, to.substr(to.find('@') + 1), ""};
    return set->decide(facts).verdict == Verdict::drop;
  };
  for (const auto* one : {"a@x", "b@x"}) {
    EXPECT_FALSE(crosses("both@x", one));
    EXPECT_FALSE(crosses(one, "both@x"));
  }
  EXPECT_TRUE(crosses("a@x", "b@x"));
  EXPECT_TRUE(crosses("b@x", "a@x"));
  EXPECT_TRUE(crosses("both@x", "x@c"));
  EXPECT_TRUE(crosses("x@c", "both@x"));
}

TEST(Groups, CyclesAndUnknownNamesAreErrorsAtTheirLine) {
  EXPECT_EQ(fault("\nrule{ name = 'r', match = FromGroup('interier'), action = Drop() }\ngroup{ name = 'interior', "
                  "domain = 'x' }"),
            "p.lua:2: there is no group \"interier\"; the nearest is \"interior\"");
  EXPECT_EQ(fault("group{ name = 'a', includes = { 'a' } }"), "p.lua:1: group \"a\" includes itself");
  EXPECT_THAT(fault("group{ name = 'a', includes = { 'b' } }\ngroup{ name = 'b', includes = { 'c' } }\n"
                    "group{ name = 'c', includes = { 'b' } }"),
              HasSubstr("of which it is a part itself"));
  EXPECT_EQ(fault("group{ name = 'a', domain = 'x' }\ngroup{ name = 'a', domain = 'y' }"),
            "p.lua:2: group \"a\" exists already, in line 1");
  EXPECT_THAT(fault("group{ name = 'a', members = { 'a@b/c' } }"), HasSubstr("bare addresses"));
  EXPECT_THAT(fault("group{ name = 'a', membrs = {} }"), HasSubstr("the nearest is \"members\""));
  EXPECT_THAT(
      fault("group{ name = 'a', domain = 'x' }\nrule{ name = 'r', match = Crossing{ 'a', 'a' }, action = Drop() }"),
      HasSubstr("different groups"));
  // A diamond is no circle.
  EXPECT_EQ(fault("group{ name = 'a', includes = { 'b', 'c' } } group{ name = 'b', includes = { 'd' } }"
                  "group{ name = 'c', includes = { 'd' } } group{ name = 'd', domain = 'x' }"),
            "");
}

TEST_F(Files, NameTheMembersOfGroups) {
  write("interior.txt", "# people\nAlice@example.org  # the first\n\r\n*.interior.example\n");
  const auto set =
      load("group{ name = 'g', file = 'interior.txt' }\nrule{ name = 'r', match = FromGroup('g'), action = Drop() }");
  ASSERT_TRUE(set) << set.error().message();
  EXPECT_EQ((*set)->decide(message()).verdict, Verdict::drop);
  auto facts = message();
  facts.from = {"x@y", "a.interior.example", ""};
  EXPECT_EQ((*set)->decide(facts).verdict, Verdict::drop);
  facts.from = {"x@y", "y", ""};
  EXPECT_EQ((*set)->decide(facts).verdict, Verdict::allow);
}

TEST_F(Files, AreListsOfTexts) {
  write("bad.txt", "10.0.0.0/8\n192.0.2.0/24 # here\n");
  const auto set = load("rule{ name = 'r', match = Network(lines('bad.txt')), action = Drop() }");
  ASSERT_TRUE(set) << set.error().message();
  EXPECT_EQ((*set)->decide(message()).verdict, Verdict::drop);
}

TEST_F(Files, ThatAreWrongOrGoneAreErrorsAtTheirLine) {
  write("g.txt", "a@b\nnot an address\n");
  EXPECT_EQ(fault_of("group{ name = 'g', file = 'g.txt' }"), folder_ + "g.txt:2: one address or domain a line");
  write("g.txt", "a@b\n\na@b/c\n");
  EXPECT_EQ(fault_of("group{ name = 'g', file = 'g.txt' }"),
            folder_ + "g.txt:3: a group has bare addresses: nothing behind \"/\"");
  EXPECT_THAT(fault_of("\ngroup{ name = 'g', file = 'gone.txt' }"), HasSubstr("policy.lua:2: "));
  EXPECT_THAT(fault_of("\ngroup{ name = 'g', file = 'gone.txt' }"), HasSubstr("gone.txt: No such file"));
  write("open.txt", "a@b\n");
  ::chmod((folder_ + "open.txt").c_str(), 0666);
  EXPECT_THAT(fault_of("lines('open.txt')"), HasSubstr("others may write it"));
}

TEST_F(Files, OfOtherFoldersAreNotRead) {
  for (const char* name : {"/etc/passwd", "../x", "a/../../x", "..", "a/.."}) {
    EXPECT_THAT(fault_of("lines('" + std::string(name) + "')"), HasSubstr("its own folder only")) << name;
  }
  EXPECT_THAT(fault("lines('CMakeCache.txt')"), HasSubstr("its own folder only")) << "a policy without a folder";
}

// What the introduction shows can be loaded, and its tests pass on its first example.
TEST_F(Files, TheExamplesOfTheReadmeLoad) {
  std::ifstream in(std::string(VALISE_SOURCE_DIR) + "/lua/README.md");
  write("cabinet.txt", "a@b\n");
  write("networks.txt", "192.0.2.0/24\n");
  write("groups.lua", "");
  std::filesystem::create_directory(folder_ + "policies");
  write("policies/ministry_walls.lua", "");
  std::string block, first;
  int blocks = 0;
  bool within = false;
  for (std::string line; std::getline(in, line);) {
    if (line == "```lua") {
      within = true;
      block.clear();
    } else if (line == "```") {
      if (within && block.starts_with("policy \"")) {
        write("policy.lua", first);
        write("policy_test.lua", block);
        const auto run = run_test_file(folder_ + "policy_test.lua");
        EXPECT_FALSE(run.error) << run.error->message();
        for (const auto& test : run.results) EXPECT_EQ(test.why, "") << test.name;
      } else if (within && !block.starts_with("-->")) {
        EXPECT_EQ(fault_of(block), "") << block;
        if (blocks++ == 0) first = block;
      }
      within = false;
    } else if (within) {
      block += line + "\n";
    }
  }
  EXPECT_GE(blocks, 6);
}

// ---- chains

constexpr const char* chained = R"(
rule{ name = 'to guests', match = Kind('message'), action = { Jump('guests'), Tag('came back') } }
rule{ name = 'tagged', match = HasTag('came back'), action = Deny('conflict') }
chain{ name = 'guests',
  rule{ name = 'small', match = Size('<', 10), action = Allow() },
  rule{ name = 'middle', match = Size('<', 100), action = Return() },
  rule{ name = 'deep', match = Always(), action = Jump('deeper') } }
chain{ name = 'deeper', rule{ name = 'huge', match = Size('>', 1000), action = Drop() } })";

TEST(Chains, AreTriedWhereAJumpLeadsToThem) {
  const auto set = loaded(chained);
  auto facts = message();
  const auto rule = [&](std::size_t size) {
    facts.size = size;
    return std::string(set->decide(facts).rule);
  };
  EXPECT_EQ(rule(5), "small");
  EXPECT_EQ(rule(50), "tagged");
  EXPECT_EQ(rule(500), "tagged");
  EXPECT_EQ(rule(5000), "huge");
  facts.event = Event::iq;
  EXPECT_EQ(rule(5), "");
  EXPECT_EQ(set->describe()[2].chain, "guests");
  EXPECT_EQ(set->describe()[0].chain, "");
  EXPECT_EQ(set->describe()[2].name, "small");
  EXPECT_EQ(set->describe()[2].line, 5u);
}

TEST(Chains, CyclesAndUnknownNamesAreErrorsAtTheirLine) {
  const auto two = [](const char* first, const char* second) {
    return fault("chain{ name = 'a', rule{ name = 'r', match = Always(), action = Jump('" + std::string(first) +
                 "') } }\nchain{ name = 'b', rule{ name = 's', match = Always(), action = Jump('" + second + "') } }");
  };
  EXPECT_EQ(two("b", "a"), "p.lua:2: the jump to \"a\" closes a circle of chains");
  EXPECT_EQ(two("a", "a"), "p.lua:1: the jump to \"a\" closes a circle of chains");
  EXPECT_EQ(two("b", "gests"), "p.lua:2: there is no chain \"gests\"");
  EXPECT_THAT(fault("rule{ name = 'r', match = Always(), action = Jump('gests') } chain{ name = 'guests', rule{ name = "
                    "'s', match "
                    "= Always(), action = Drop() } }"),
              HasSubstr("the nearest is \"guests\""));
  EXPECT_THAT(fault("chain{ name = 'a' }"), HasSubstr("has no rules"));
  EXPECT_THAT(fault("chain{ name = 'a', 5 }"), HasSubstr("takes rule{ … }, not a number"));
  EXPECT_THAT(fault("local r = rule{ name = 'r', match = Always(), action = Drop() } chain{ name = 'a', r } chain{ "
                    "name = 'b', r }"),
              HasSubstr("stands in chain \"a\" already"));
}

TEST(Chains, AFunctionThatJumpsInACircleFailsClosed) {
  const auto set = loaded(R"(
    local again = Jump('a')
    chain{ name = 'a', rule{ name = 'r', match = Always(), action = function(m) return again end } }
    rule{ name = 'begin', match = Always(), action = again })");
  const auto decision = set->decide(message());
  EXPECT_EQ(decision.reason, Reason::policy_failed);
  EXPECT_THAT(set->last_error(), HasSubstr("more than 32 chains"));
}

TEST(Chains, WhatFailsInOneFailsClosed) {
  const auto set = loaded(R"(
    rule{ name = 'begin', match = Always(), action = Jump('a') }
    chain{ name = 'a', rule{ name = 'bad', match = function(m) error('x') end, action = Allow() } })");
  const auto decision = set->decide(message());
  EXPECT_EQ(decision.reason, Reason::policy_failed);
  EXPECT_EQ(decision.rule, "bad");
}

TEST(Reference, NamesEverythingThatIsThere) {
  const auto text = PolicySet::reference();
  for (const char* word : {"`Kind(", "`rule{", "`m.device_age`", "`m:in_group(", "`Jump(", "`memory:add(",
                           "`room_join`", "fires when the feature is there", "`Holiday("}) {
    EXPECT_THAT(text, HasSubstr(word));
  }
}

}  // namespace
}  // namespace valise::policy::test
