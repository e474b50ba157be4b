#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "policies.hpp"

namespace valise::policy::test {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

TEST(File, MistypedNamesAreErrorsAtTheirLineWithTheNearest) {
  EXPECT_EQ(fault("\nrule{ name = 'a', match = Form('x@y'), action = Allow() }"),
            "p.lua:2: unknown name \"Form\"; the nearest is \"From\"");
  EXPECT_THAT(fault("rul{}"), HasSubstr("the nearest is \"rule\""));
  EXPECT_THAT(fault("rule{ nam = 'a' }"), HasSubstr("rule has no \"nam\"; the nearest is \"name\""));
  EXPECT_THAT(fault("Kind('mesage')"), HasSubstr("the nearest is \"message\""));
  EXPECT_THAT(fault("Type('chatt')"), HasSubstr("the nearest is \"chat\""));
  EXPECT_THAT(fault("Deny('forbiden')"), HasSubstr("the nearest is \"forbidden\""));
  EXPECT_THAT(fault("Deny{'forbidden', de = 'x'}"), HasSubstr("Deny has no \"de\""));
  EXPECT_THAT(fault("From{domains = 'x'}"), HasSubstr("the nearest is \"domain\""));
  EXPECT_THAT(fault("Rate{ per = 'frm', rate = 1 }"), HasSubstr("the nearest is \"from\""));
  EXPECT_THAT(fault("Weekday('lun')"), HasSubstr("is no day"));
  EXPECT_THAT(fault("Size('=>', 1)"), HasSubstr("Size cannot be \"=>\""));
}

TEST(File, WrongArgumentsSayWhatIsTaken) {
  EXPECT_THAT(fault("From{}"), HasSubstr("without any address"));
  EXPECT_THAT(fault("From(5)"), HasSubstr("takes a text, not a number"));
  EXPECT_THAT(fault("From{domain = 'a@b'}"), HasSubstr("write the domain alone"));
  EXPECT_THAT(fault("Size('>', 1.5)"), HasSubstr("whole number"));
  EXPECT_THAT(fault("Size('>', -1)"), HasSubstr("from 0 to"));
  EXPECT_THAT(fault("Sealed('yes')"), HasSubstr("true or false"));
  EXPECT_THAT(fault("Network('10.0.0.1/8')"), HasSubstr("no bits set behind the prefix"));
  EXPECT_THAT(fault("Network('10.0.0.0/33')"), HasSubstr("is no network"));
  EXPECT_THAT(fault("Network('example.org')"), HasSubstr("is no network"));
  for (const char* hours : {"8:00-9:00", "08:00", "08:00-08:00", "25:00-26:00", "24:00-08:00", "08:60-09:00", ""}) {
    EXPECT_NE(fault("Hours('" + std::string(hours) + "')"), "") << hours;
  }
  EXPECT_THAT(fault("Rate{ per = 'from', rate = 0 }"), HasSubstr("rate takes a number"));
  EXPECT_THAT(fault("All{}"), HasSubstr("at least one matcher"));
  EXPECT_THAT(fault("All{ 1 }"), HasSubstr("a matcher or a function is wanted here, not a number"));
  EXPECT_THAT(fault("local x = Always() * 5"), HasSubstr("a matcher or a function is wanted here, not a number"));
  EXPECT_THAT(fault("Not(print == nil)"), HasSubstr("unknown name \"print\""));
  EXPECT_THAT(fault("Not(type)"), HasSubstr("a function of your own"));
  EXPECT_THAT(fault("Deny{'forbidden', fr = 'a\\nb'}"), HasSubstr("one line of text in UTF-8"));
  EXPECT_THAT(fault("Deny{'forbidden', fr = '\\xff'}"), HasSubstr("UTF-8"));
  EXPECT_THAT(fault("Deny{'forbidden', en = ('x'):rep(513)}"), HasSubstr("at most 512 bytes"));
}

TEST(File, RulesNeedNameMatchAndAction) {
  EXPECT_THAT(fault("rule{}"), HasSubstr("a rule's name"));
  EXPECT_THAT(fault("rule{ name = 'a' }"), HasSubstr("has no match"));
  EXPECT_THAT(fault("rule{ name = 'a', match = Always() }"), HasSubstr("has no action"));
  EXPECT_THAT(fault("rule{ name = 'a', match = Always(), action = Always() }"), HasSubstr("an action or a function"));
  EXPECT_THAT(fault("rule{ name = 'a', match = Always(), action = {} }"), HasSubstr("1 to 16 actions"));
  EXPECT_EQ(fault("rule{ name = 'a', match = Always(), action = Allow() }\nrule{ name = 'a', match = Always(), action "
                  "= Allow() }"),
            "p.lua:2: rule \"a\" exists already, in line 1");
}

TEST(File, ErrorsNeverLeaveHalfASet) {
  EXPECT_THAT(fault("rule{ name = 'a', match = Always(), action = Allow() }\nerror('late')"), "p.lua:2: late");
  EXPECT_THAT(fault("rule{"), StartsWith("p.lua:1: "));
  EXPECT_THAT(fault("\x1bLuaS"), HasSubstr("binary chunk"));
}

TEST(File, NormalisesAddressesAsTheServerDoes) {
  PolicyOptions options;
  options.normalise = [](std::string_view jid) -> std::optional<std::string> {
    if (jid == "bad") return std::nullopt;
    return jid == "A" ? "alice@example.org" : std::string(jid);
  };
  const auto set = loaded("rule{ name = 'r', match = From('A'), action = Drop() }", options);
  EXPECT_EQ(set->decide(message()).verdict, Verdict::drop);
  const auto refused = PolicySet::load("From('bad')", "p.lua", options);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().text, HasSubstr("\"bad\" is not an address"));
}

TEST(File, IsReadFromDiskUnlessOthersCanWriteIt) {
  const auto path = testing::TempDir() + "valise_policy_" + std::to_string(::getpid()) + ".lua";
  std::ofstream(path) << "rule{ name = 'd', match = Always(), action = Drop() }\n";
  ASSERT_EQ(::chmod(path.c_str(), 0644), 0);
  const auto set = PolicySet::load_file(path);
  ASSERT_TRUE(set);
  EXPECT_EQ((*set)->describe().size(), 1u);
  ASSERT_EQ(::chmod(path.c_str(), 0666), 0);
  EXPECT_THAT(PolicySet::load_file(path).error().text, HasSubstr("others may write it"));
  std::filesystem::remove(path);
  EXPECT_THAT(PolicySet::load_file(path).error().message(), HasSubstr("No such file"));
}

TEST(Stock, LoadsAndLetsOrdinaryTrafficPass) {
  const auto set = loaded(PolicySet::stock());
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(set->decide(message()).verdict, Verdict::allow);
  for (const auto& rule : set->describe()) EXPECT_NE(rule.name, "");
  const auto other = PolicySet::load_file(std::string(VALISE_SOURCE_DIR) + "/lua/stock.lua");
  ASSERT_TRUE(other);
  EXPECT_EQ((*other)->describe().size(), set->describe().size());
}

TEST(Stock, RefusesFloodsOfSubscriptionsAndRegistrations) {
  const auto set = loaded(PolicySet::stock());
  auto facts = message();
  facts.event = Event::presence;
  facts.type = "subscribe";
  for (int i = 0; i < 500; ++i) ASSERT_EQ(set->decide(facts).verdict, Verdict::allow) << i;
  EXPECT_EQ(set->decide(facts).rule, "subscription flood");
  facts.event = Event::registration;
  facts.type = "set";
  for (int i = 0; i < 5; ++i) ASSERT_EQ(set->decide(facts).verdict, Verdict::allow) << i;
  EXPECT_EQ(set->decide(facts).error.type, "wait");
  facts.ip = *IpAddress::parse("127.0.0.9");
  for (int i = 0; i < 100; ++i) ASSERT_EQ(set->decide(facts).verdict, Verdict::allow) << i;
}

// Each stock rule fires on what it is about and lets its neighbours pass.
TEST(Stock, EveryRuleFires) {
  const auto set = loaded(PolicySet::stock());
  const auto hits = [&](std::string_view name) {
    for (const auto& rule : set->describe()) {
      if (rule.name == name) return rule.hits;
    }
    ADD_FAILURE() << "no rule " << name;
    return std::uint64_t{0};
  };
  auto flood = message();
  flood.unknown_devices = 0;
  for (int i = 0; i < 120; ++i) EXPECT_EQ(set->decide(flood).verdict, Verdict::allow);
  EXPECT_EQ(hits("message flood"), 0u);
  const auto over = set->decide(flood);
  EXPECT_EQ(over.verdict, Verdict::allow);  // on trial
  EXPECT_EQ(over.tag_count, 0u);
  EXPECT_EQ(hits("message flood"), 1u);
  constexpr std::string_view service[] = {"service"};
  flood.tags = service;
  static_cast<void>(set->decide(flood));
  EXPECT_EQ(hits("message flood"), 1u);

  auto strange = message();
  strange.direction = Direction::in;
  static_cast<void>(set->decide(strange));
  EXPECT_EQ(hits("keys for unknown devices"), 0u);
  strange.unknown_devices = 1;
  EXPECT_EQ(set->decide(strange).verdict, Verdict::allow);  // on trial
  EXPECT_EQ(hits("keys for unknown devices"), 1u);

  auto ask = message();
  ask.event = Event::presence;
  ask.type = "subscribe";
  for (int i = 0; i < 501; ++i) static_cast<void>(set->decide(ask));
  EXPECT_EQ(hits("subscription flood"), 1u);
  ask.from = {"other@example.org", "example.org", ""};
  EXPECT_EQ(set->decide(ask).verdict, Verdict::allow);

  auto strangers = message();
  strangers.event = Event::registration;
  for (int i = 0; i < 6; ++i) static_cast<void>(set->decide(strangers));
  EXPECT_EQ(hits("registration flood"), 1u);
  strangers.ip = *IpAddress::parse("192.0.2.8");
  EXPECT_EQ(set->decide(strangers).verdict, Verdict::allow);
  EXPECT_EQ(set->describe().size(), 4u) << "a new stock rule needs a case here";
}

TEST(Cookbook, ThePoliciesInTheTestFolderDecideAsTheirCasesSay) {
  // Each file returns nothing; its cases stand in comments: `--> from to kind size: verdict [rule]`.
  std::size_t cases = 0;
  for (const auto& entry : std::filesystem::directory_iterator(std::string(VALISE_SOURCE_DIR) + "/lua/tests")) {
    if (entry.path().extension() != ".lua" || entry.path().stem().string().ends_with("_test")) continue;
    const auto set = PolicySet::load_file(entry.path());
    ASSERT_TRUE(set) << set.error().message();
    std::ifstream in(entry.path());
    for (std::string line; std::getline(in, line);) {
      if (!line.starts_with("--> ")) continue;
      std::istringstream words(line.substr(4));
      std::string from, to, kind, colon, verdict, rule;
      std::size_t size = 0;
      ASSERT_TRUE(words >> from >> to >> kind >> size >> colon >> verdict) << line;
      std::getline(words >> std::ws, rule);
      auto facts = message();
      const auto domain = [](const std::string& jid) { return std::string_view(jid).substr(jid.find('@') + 1); };
      facts.from = {from, domain(from), ""};
      facts.to = {to, domain(to), ""};
      facts.event = static_cast<Event>(std::ranges::find(event_names, kind) - event_names.begin());
      facts.size = size;
      const auto decision = (*set)->decide(facts);
      constexpr const char* names[] = {"allow", "deny", "drop"};
      EXPECT_EQ(names[static_cast<std::size_t>(decision.verdict)], verdict) << entry.path() << ": " << line;
      EXPECT_EQ(decision.rule, rule) << entry.path() << ": " << line;
      ++cases;
    }
  }
  EXPECT_GE(cases, 10u);
}

}  // namespace
}  // namespace valise::policy::test
