// Groups whose members the store or a directory has: what rules are told while they change, and while nobody knows
// them.
#include "policy/live_members.hpp"

#include <atomic>
#include <thread>

#include "policies.hpp"
#include "policy/check.hpp"
#include "policy/explain.hpp"
#include "policy/partial.hpp"

namespace valise::policy::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

PolicyOptions with(const std::shared_ptr<LiveGroups>& live) {
  PolicyOptions options;
  options.live = live;
  return options;
}

constexpr const char* stored_rules =
    "group{ name = 'g', stored = true, members = { 'carol@example.org' } }\n"
    "group{ name = 'wide', includes = { 'g' } }\n"
    "rule{ name = 'r', match = FromGroup('wide'), action = Deny('forbidden') }";

// A group of a directory, and a rule that denies its members.
std::string directory(std::string_view more = {}) {
  return "group{ name = 'd', ldap = { uri = 'ldaps://ldap.example.org', base = 'dc=example,dc=org', filter = '(a=b)', "
         "attribute = 'mail', ca_file = '/ca.pem', timeout = '5s', refresh = '60s', keep_for = '30s'" +
         std::string(more) + " } }\nrule{ name = 'r', match = FromGroup('d'), action = Deny('forbidden') }";
}

std::shared_ptr<LiveMembers> members_of(const PolicySet& set, std::string_view group) {
  for (const auto& info : set.groups()) {
    if (info.name == group && !info.sources.empty()) return info.sources.front().members;
  }
  return nullptr;
}

Facts from(std::string_view bare, std::int64_t now_ms = 1'000'000) {
  auto facts = message();
  facts.from.bare = bare;
  facts.now_ms = now_ms;
  return facts;
}

TEST(StoredGroup, WithoutAServerItIsEmpty) {
  const auto set = loaded(stored_rules);
  EXPECT_EQ(set->decide(message()).verdict, Verdict::allow);
  EXPECT_EQ(set->decide(from("carol@example.org")).verdict, Verdict::deny);
}

TEST(StoredGroup, EachSetSeesAChangeAtItsNextDecision) {
  const auto live = std::make_shared<LiveGroups>();
  const auto one = loaded(stored_rules, with(live)), other = loaded(stored_rules, with(live));
  for (const auto& set : {one.get(), other.get()}) EXPECT_EQ(set->decide(message()).verdict, Verdict::allow);
  live->stored("g")->publish({"alice@example.org", "bob@example.org"}, 1, 1);
  for (const auto& set : {one.get(), other.get()}) EXPECT_EQ(set->decide(message()).verdict, Verdict::deny);
  EXPECT_EQ(one->decide(from("dave@example.org")).verdict, Verdict::allow);
  live->stored("g")->publish({}, 2, 2);
  for (const auto& set : {one.get(), other.get()}) EXPECT_EQ(set->decide(message()).verdict, Verdict::allow);
}

TEST(StoredGroup, BeforeTheStoreWasReadARuleThatAsksFails) {
  const auto live = std::make_shared<LiveGroups>(false);
  const auto set = loaded(stored_rules, with(live));
  const auto decision = set->decide(message());
  EXPECT_EQ(decision.verdict, Verdict::deny);
  EXPECT_EQ(decision.reason, Reason::policy_failed);
  EXPECT_EQ(set->last_error(), "p.lua:2: who belongs to group \"wide\" is not known now (valisectl group list)");
  // Who is a member whatever the store says is known.
  EXPECT_EQ(set->decide(from("carol@example.org")).reason, Reason::rule);
  live->read_store({{"g", {"alice@example.org"}}}, 1, 1);
  EXPECT_EQ(set->decide(message()).reason, Reason::rule);
  live->read_store({}, 2, 2);
  EXPECT_EQ(set->decide(message()).verdict, Verdict::allow);
}

TEST(StoredGroup, AFunctionIsToldTheSame) {
  const auto live = std::make_shared<LiveGroups>(false);
  const auto set = loaded(
      "group{ name = 'g', stored = true }\n"
      "rule{ name = 'r', match = function(m) return m:in_group('from', 'g') end, action = Drop() }",
      with(live));
  EXPECT_EQ(set->decide(message()).reason, Reason::policy_failed);
  EXPECT_THAT(set->last_error(), HasSubstr("group \"g\" is not known now"));
  live->read_store({{"g", {"alice@example.org"}}}, 1, 1);
  EXPECT_EQ(set->decide(message()).verdict, Verdict::drop);
}

TEST(Directory, SilentMeansWhatThePolicyDeclares) {
  struct Case {
    const char* said;
    Verdict verdict;
    Reason reason;
  };
  for (const auto& one : {Case{"", Verdict::deny, Reason::policy_failed},
                          Case{", when_silent = 'fail'", Verdict::deny, Reason::policy_failed},
                          Case{", when_silent = 'nobody'", Verdict::allow, Reason::no_rule},
                          Case{", when_silent = 'member'", Verdict::deny, Reason::rule}}) {
    const auto set = loaded(directory(one.said));
    const auto decision = set->decide(message());
    EXPECT_EQ(decision.verdict, one.verdict) << one.said;
    EXPECT_EQ(decision.reason, one.reason) << one.said;
    EXPECT_EQ(members_of(*set, "d")->silent(), 1u) << one.said;
  }
}

TEST(Directory, NobodyAndADomainAreNoMembersOfAGroupOfEverybody) {
  const auto set = loaded(
      "group{ name = 'd', ldap = { uri = 'ldapi://%2Fs', base = 'dc=x', filter = '(a=b)', "
      "attribute = 'mail', when_silent = 'member' } }\n"
      "rule{ name = 'r', match = ToGroup('d'), action = Drop() }");
  auto facts = message();
  EXPECT_EQ(set->decide(facts).verdict, Verdict::drop);
  facts.to = {"example.org", "example.org", {}};
  EXPECT_EQ(set->decide(facts).verdict, Verdict::allow);
  facts.to = {};
  EXPECT_EQ(set->decide(facts).verdict, Verdict::allow);
}

TEST(Directory, AnAnswerHoldsUntilTheNextIsOverdueAndKeepForIsOver) {
  const auto set = loaded(directory(", when_silent = 'nobody'"));
  const auto members = members_of(*set, "d");
  members->publish({"alice@example.org"}, 1'000'000, 5);
  constexpr std::int64_t holds_ms = 60'000 + 2 * 5'000 + 30'000;
  EXPECT_EQ(set->decide(from("alice@example.org", 1'000'000 + holds_ms)).verdict, Verdict::deny);
  EXPECT_EQ(members->silent(), 0u);
  EXPECT_EQ(set->decide(from("alice@example.org", 1'000'001 + holds_ms)).verdict, Verdict::allow);
  EXPECT_EQ(members->silent(), 1u);
  members->note_failure("away", 6);
  EXPECT_EQ(members->report().error, "away");
  members->publish({"bob@example.org"}, 2'000'000, 7, 3);
  EXPECT_EQ(set->decide(from("bob@example.org", 2'000'000)).verdict, Verdict::deny);
  EXPECT_EQ(members->report().error, "");
  EXPECT_EQ(members->report().left_out, 3u);
  EXPECT_EQ(members->report().failures, 1u);
}

TEST(Directory, WhoOnlyLooksCountsNothing) {
  const auto set = loaded(directory());
  EXPECT_EQ(explain(*set, message()).reason, Reason::policy_failed);
  EXPECT_EQ(members_of(*set, "d")->silent(), 0u);
}

TEST(Directory, GoesOnOverAReloadWhereItIsAskedTheSame) {
  const auto live = std::make_shared<LiveGroups>();
  auto before = loaded(directory(), with(live));
  members_of(*before, "d")->publish({"alice@example.org"}, 1'000'000, 1);
  const auto after = loaded("\n" + directory(", when_silent = 'nobody'"), with(live));
  const auto another = loaded(directory(", bind_dn = 'cn=x', password_file = '/p'"), with(live));
  before.reset();
  EXPECT_EQ(after->decide(message()).reason, Reason::rule);
  EXPECT_EQ(another->decide(message()).reason, Reason::policy_failed);
}

TEST(Directory, WhatNoRulesHoldIsGone) {
  const auto live = std::make_shared<LiveGroups>();
  members_of(*loaded(directory(), with(live)), "d")->publish({"alice@example.org"}, 1'000'000, 1);
  EXPECT_EQ(loaded(directory(), with(live))->decide(message()).reason, Reason::policy_failed);
}

TEST(Directory, MatchersFailInAnyPlace) {
  for (const char* match : {"-FromGroup('d')", "FromGroup('d') + To('x@y')", "All{ Kind('message'), -FromGroup('d') }",
                            "Entering('d')", "Leaving('d')"}) {
    auto text = directory();
    text.replace(text.rfind("FromGroup('d')"), 14, match);
    EXPECT_EQ(loaded(text)->decide(message()).reason, Reason::policy_failed) << match;
  }
  auto crossing = directory() + "\ngroup{ name = 'e', members = { 'bob@example.org' } }";
  crossing.replace(crossing.rfind("FromGroup('d')"), 14, "Crossing{ 'd', 'e' }");
  EXPECT_EQ(loaded(crossing)->decide(message()).reason, Reason::policy_failed);
  // A part before it that says no keeps it from being asked.
  auto text = directory();
  text.replace(text.rfind("FromGroup('d')"), 14, "Kind('iq') * FromGroup('d')");
  EXPECT_EQ(loaded(text)->decide(message()).verdict, Verdict::allow);
}

TEST(Directory, ARuleInShadowThatFailsRefusesNothing) {
  auto text = directory();
  text.replace(text.rfind(" }"), 2, ", shadow = true }");
  EXPECT_EQ(loaded(text)->decide(message()).verdict, Verdict::allow);
}

TEST(LiveGroups, OfOneGroupARuleIsHiddenByAnother) {
  const auto dead = [](const std::string& source) {
    std::vector<std::string> out;
    for (const auto& one : find_dead_rules(*loaded(source))) out.push_back(one.message());
    return out;
  };
  EXPECT_THAT(dead(directory() + "\nrule{ name = 'late', match = FromGroup('d') * Kind('message'), action = Drop() }"),
              ElementsAre(HasSubstr("rule \"late\" can never act")));
  // Who will be in it nobody can say.
  EXPECT_THAT(dead(directory() + "\nrule{ name = 'late', match = From('x@y') * -FromGroup('d'), action = Drop() }"
                                 "\nrule{ name = 'both', match = From('x@y') * FromGroup('e'), action = Drop() }"
                                 "\ngroup{ name = 'e', stored = true }"),
              ElementsAre());
}

TEST(LiveGroups, WithoutTheServerALogSaysNothingOfThem) {
  const auto set = loaded(stored_rules);
  PartialDecider decider(*set);
  const auto facts = message();
  EXPECT_TRUE(decider.decide(facts, {}).certain);
  EXPECT_FALSE(decider.decide(facts, {"group_members"}).certain);
}

TEST(LiveGroups, ChangeWhileRulesAreAsked) {
  const auto live = std::make_shared<LiveGroups>();
  std::atomic<bool> over{false};
  std::thread changes([&] {
    for (int i = 0; i < 2000; ++i) {
      live->stored("g")->publish(
          i % 2 == 0 ? std::vector<std::string>{"alice@example.org"} : std::vector<std::string>{}, 1, 1);
    }
    over = true;
  });
  std::vector<std::thread> shards;
  for (int i = 0; i < 2; ++i) {
    shards.emplace_back([&] {
      // Both parts of a decision see one state of the group.
      const auto set = loaded(
          "group{ name = 'g', stored = true }\n"
          "rule{ name = 'r', match = FromGroup('g') * -FromGroup('g') * HasTag('t'), action = Drop() }\n"
          "rule{ name = 'in', match = FromGroup('g'), action = Tag('in') }\n"
          "rule{ name = 'torn', match = HasTag('in') * -FromGroup('g'), action = Drop() }",
          with(live));
      while (!over) EXPECT_EQ(set->decide(message()).verdict, Verdict::allow);
    });
  }
  changes.join();
  for (auto& shard : shards) shard.join();
}

TEST(LiveGroups, WhatDoesNotHoldTogetherIsRefusedWithItsLine) {
  const auto refused = [](std::string_view keys) {
    return fault("\ngroup{ name = 'd', ldap = { " + std::string(keys) + " } }");
  };
  constexpr const char* rest = "base = 'dc=x', filter = '(a=b)', attribute = 'mail'";
  const auto of = [&](std::string_view keys) { return refused(std::string(keys) + ", " + rest); };
  EXPECT_THAT(refused("base = 'dc=x'"), HasSubstr("p.lua:2: ldap has no uri: "));
  EXPECT_THAT(of("uri = 'ldaps://x'"), HasSubstr("p.lua:2: ldap: ca_file: name the file"));
  EXPECT_THAT(of("uri = 'ldap://x', tls = 'none'"), HasSubstr("p.lua:2: ldap: tls: without TLS only"));
  EXPECT_THAT(of("uri = 'ldap://localhost', tls = 'none'"), HasSubstr("ldap: tls: without TLS only"));
  EXPECT_THAT(of("uri = 'ldaps://127.0.0.1', tls = 'none'"), HasSubstr("ldap: tls: ldaps:// is TLS"));
  EXPECT_THAT(of("uri = 'ldap://127.0.0.1', tls = 'start'"), HasSubstr("it can only be \"none\""));
  EXPECT_EQ(of("uri = 'ldap://127.0.0.1', tls = 'none'"), "");
  EXPECT_EQ(of("uri = 'ldap://[::1]:389', tls = 'none'"), "");
  EXPECT_EQ(of("uri = 'ldap://x', ca_file = '/c'"), "");
  EXPECT_THAT(of("uri = 'ldapi://%2Fs', ca_file = '/c'"), HasSubstr("there is no TLS that it could check"));
  EXPECT_THAT(of("uri = 'ldapi://%2Fs', bind_dn = 'cn=x'"), HasSubstr("bind_dn and password_file go together"));
  EXPECT_THAT(of("uri = 'ldapi://%2Fs', timeout = '1h'"), HasSubstr("ldap: timeout: a time from 1 to 300 seconds"));
  EXPECT_THAT(of("uri = 'ldapi://%2Fs', refresh = 0"), HasSubstr("ldap: refresh: a time from 1 to 86400 seconds"));
  EXPECT_THAT(of("uri = 'ldapi://%2Fs', when_silent = 'members'"), HasSubstr("the nearest is \"member\""));
  EXPECT_THAT(of("uri = 'ldapi://%2Fs', filtr = 1"), HasSubstr("ldap has no \"filtr\"; the nearest is \"filter\""));
  EXPECT_THAT(fault("group{ name = 'd', stored = 1 }"), HasSubstr("stored takes true or false"));
  EXPECT_THAT(fault("group{ name = 'd', ldap = 'x' }"), HasSubstr("ldap takes a table"));
  std::string many;
  for (int i = 0; i < 33; ++i) {
    many += "group{ name = 'd" + std::to_string(i) + "', ldap = { uri = 'ldapi://%2Fs', " + rest + " } }\n";
  }
  EXPECT_THAT(fault(many), HasSubstr("p.lua:33: at most 32 groups of directories"));
}

}  // namespace
}  // namespace valise::policy::test
