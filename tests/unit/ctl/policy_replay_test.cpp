#include "ctl/policy_replay.hpp"

#include <gmock/gmock.h>
#include <unistd.h>

#include <filesystem>

#include "base/clock.hpp"
#include "core/audit/log.hpp"

namespace valise::ctl {
namespace {

// Type names them for rules about Kind("record").
TEST(RecordKinds, AreWhatTheLogCallsThem) {
  for (std::size_t i = 0; i < policy::record_kinds.size(); ++i) {
    EXPECT_EQ(policy::record_kinds[i], core::audit::name_of(static_cast<core::audit::Kind>(i)));
  }
  EXPECT_EQ(static_cast<std::size_t>(core::audit::Kind::voided) + 1, policy::record_kinds.size());
}

namespace audit = core::audit;
using Json = nlohmann::json;
using testing::HasSubstr;

constexpr std::int64_t monday_ns = 1'784'534'400'000'000'000;  // 2026-07-20 08:00 UTC

class ReplayTest : public testing::Test {
 protected:
  ReplayTest() {
    ::setenv("TZ", "UTC", 1);
    ::tzset();
    std::string name = testing::TempDir() + "/valise-replay-XXXXXX";
    root_ = ::mkdtemp(name.data());
  }
  ~ReplayTest() override { std::filesystem::remove_all(root_); }

  static audit::Record message(std::string_view from, std::string to) {
    audit::Record record;
    record.kind = audit::Kind::message;
    record.type = audit::StanzaType::chat;
    record.encryption = audit::Encryption::legacy;
    record.verdict = audit::Outcome::delivered;
    record.recipient_keys = 3;
    record.size = 900;
    record.time_ns = monday_ns;
    record.recipient = std::move(to);
    record.origin = origin(from);
    return record;
  }
  static Ref<const audit::Origin> origin(std::string_view from) {
    return make_ref<audit::Origin>(audit::Origin::Members{.jid = from,
                                                          .resource = "phone",
                                                          .session = "s1",
                                                          .source = "192.0.2.7:5000",
                                                          .tls = "TLSv1.3",
                                                          .cipher = "c",
                                                          .mechanism = "SCRAM-SHA-256"});
  }
  static audit::Record refused(audit::Record record, std::string reason, std::string rule = {}) {
    record.kind = audit::Kind::denied;
    record.verdict = audit::Outcome::refused;
    record.reason = std::move(reason);
    record.rule = std::move(rule);
    return record;
  }

  Json replayed(const std::string& policy, const std::vector<audit::Record>& records, std::int64_t since_ns = 0) {
    std::filesystem::remove_all(root_ + "/log");
    auto log = audit::Log::open({.folder = root_ + "/log", .segment_entries = 3});
    EXPECT_TRUE(log) << log.error().text;
    for (const auto& record : records) {
      const audit::Record* one = &record;
      EXPECT_TRUE((*log)->append({&one, 1}));
    }
    log->reset();
    auto set = policy::PolicySet::load(policy, "p.lua");
    EXPECT_TRUE(set) << set.error().message();
    auto answer = replay(**set, {.folder = root_ + "/log", .since_ns = since_ns});
    EXPECT_TRUE(answer) << answer.error().text;
    return answer ? *answer : Json();
  }
  static Json counts(const Json& answer) {
    return Json::array({answer["same"], answer["newly_refused"], answer["newly_allowed"], answer["other_rule"],
                        answer["undecidable"]});
  }
  std::string root_;
};

TEST_F(ReplayTest, ComparesWhatHappenedWithWhatWouldHave) {
  const auto answer = replayed(
      "rule{ name = 'no carol', match = Kind('message') * To('carol@x.org'), action = Deny('forbidden') }\n"
      "rule{ name = 'no dave', match = Kind('message') * Direction('in') * To('dave@x.org'), action = Drop() }",
      {message("alice@x.org", "bob@x.org"), message("alice@x.org", "carol@x.org"), message("alice@x.org", "dave@x.org"),
       refused(message("alice@x.org", "carol@x.org"), "policy", "no carol"),
       refused(message("alice@x.org", "carol@x.org"), "policy", "an older rule"),
       refused(message("alice@x.org", "bob@x.org"), "policy", "an older rule"),
       refused(message("alice@x.org", "carol@x.org"), "plaintext"),
       refused(message("alice@x.org", "bob@x.org"), "blocked")});
  EXPECT_EQ(counts(answer), Json::parse("[2, 2, 1, 1, 0]"));
  EXPECT_EQ(answer["records"], 8);
  EXPECT_EQ(answer["events"], 6);
  EXPECT_EQ(answer["passed_over"]["before_rules"], 2);
  EXPECT_EQ(answer["rules"][0]["refuses"], 3);
  EXPECT_EQ(answer["rules"][0]["newly_refuses"], 1);
  EXPECT_EQ(answer["rules"][0]["first_entry"], 1);
  EXPECT_EQ(answer["rules"][1]["newly_refuses"], 1);
  EXPECT_THAT(shown_replay(answer), HasSubstr("2  refused, and passed before"));
}

TEST_F(ReplayTest, FactsOfTheRecordReachTheRules) {
  const auto refuses = [&](const std::string& match) {
    const auto answer = replayed("rule{ name = 'r', match = Kind('message') * " + match + ", action = Drop() }",
                                 {message("alice@x.org", "bob@y.org")});
    return answer["undecidable"] == 1 ? "?" : answer["newly_refused"] == 1 ? "yes" : "no";
  };
  for (const char* match :
       {"From('alice@x.org/phone')", "To{ domain = 'y.org' }", "Type('chat')", "Sealed()", "OmemoVersion('legacy')",
        "Keys('==', 3)", "Size('==', 900)", "Network('192.0.2.0/24')", "Mechanism('SCRAM-SHA-256')",
        "TlsVersion('1.3')", "Weekday('mon')", "Hours('08:00-09:00')", "Host('x.org') * Direction('out')",
        "Host('y.org') * Direction('in')", "function(m) return m.hour == 8 and m.ip == '192.0.2.7' end",
        "Date('2026-07-20')", "ToSelf(false)", "ChannelBinding(false)",
        "function(m) return m.day == 20 and m.month == 7 end"}) {
    EXPECT_STREQ(refuses(match), "yes") << match;
  }
  for (const char* match : {"Type('normal')", "Network('10.0.0.0/8')", "Weekday('tue')", "Payload('x') + To('z@z')",
                            "Holiday('fr')", "DeviceId(7)", "DeviceAge('<', '1d') * Direction('in')"}) {
    EXPECT_STREQ(refuses(match), "no") << match;
  }
  for (const char* match : {"UnknownDevices('>', 0)",
                            "HasTag('x')",
                            "SealedMode('warn')",
                            "To('bob@y.org/phone')",
                            "function(m) return m.language == 'fr' end",
                            "function(m) return m.prekeys > 1 end",
                            "Contact()",
                            "Subscription('both')",
                            "Asked()",
                            "Pending()",
                            "Shown()",
                            "RosterGroup('x')",
                            "Child('body')",
                            "DeviceAge('<', '1d')",
                            "Client('dino*')",
                            "Sessions('>', 1)",
                            "Local('from')",
                            "Administrator('to')",
                            "FullAddress('to')",
                            "Label('x')",
                            "Language('fr')",
                            "Remembers(memory{ name = 'm' }, 'pair')",
                            "Counted(memory{ name = 'm' }, 'from', '<', 1)",
                            "function(m) return m.subscription == 'both' end"}) {
    EXPECT_STREQ(refuses(match), "?") << match;
  }
}

TEST_F(ReplayTest, RatesRunByTheRecordsTimes) {
  std::vector<audit::Record> records;
  for (int i = 0; i < 6; ++i) {
    records.push_back(message("alice@x.org", "bob@x.org"));
    records.back().time_ns += i < 4 ? 0 : 10'000'000'000;
  }
  const auto answer = replayed(
      "rule{ name = 'r', match = Kind('message') * Direction('out') * "
      "Rate{ per = 'from', rate = 1, burst = 2 }, action = Deny('resource-constraint') }",
      records);
  EXPECT_EQ(counts(answer), Json::parse("[4, 2, 0, 0, 0]"));
}

TEST_F(ReplayTest, ChainsAreReplayed) {
  const std::string chain =
      "chain{ name = 'c', rule{ name = 'known', match = Contact(), action = Return() },\n"
      "rule{ name = 'strangers', match = To{ domain = 'x.org' }, action = Deny('forbidden') } }\n";
  auto answer = replayed("rule{ name = 'j', match = Kind('message'), action = Jump('c') }\n" + chain,
                         {message("alice@x.org", "bob@x.org"), message("alice@x.org", "bob@y.org")});
  EXPECT_EQ(counts(answer), Json::parse("[1, 0, 0, 0, 1]"));
  EXPECT_EQ(answer["rules"][2]["needs"], Json::parse("[\"subscription\"]"));
  answer = replayed("rule{ name = 'j', match = Kind('message'), action = { Jump('c'), Drop() } }\n" + chain,
                    {message("alice@x.org", "bob@y.org")});
  EXPECT_EQ(counts(answer), Json::parse("[0, 1, 0, 0, 0]"));
}

TEST_F(ReplayTest, LogInsAreAskedAboutTwiceAndTagsOfASessionAreUnknown) {
  audit::Record login;
  login.kind = audit::Kind::login;
  login.origin = origin("alice@x.org");
  login.time_ns = monday_ns;
  EXPECT_EQ(
      replayed("rule{ name = 'r', match = Kind('session') * From('alice@x.org/phone'), action = Deny('not-allowed') }",
               {login})["newly_refused"],
      1);
  EXPECT_EQ(
      replayed("rule{ name = 'r', match = Kind('login') * From('alice@x.org/phone'), action = Deny('not-allowed') }",
               {login})["newly_refused"],
      0);
  login.reason = "resumed";
  EXPECT_EQ(
      replayed("rule{ name = 'r', match = Kind('session'), action = Deny('not-allowed') }", {login})["newly_refused"],
      0);
}

TEST_F(ReplayTest, WhatIsNoEventOfARuleIsPassedOver) {
  audit::Record admin, start, shadow = message("a@x.org", "b@x.org"), request = message("a@x.org", "b@x.org");
  admin.kind = audit::Kind::admin;
  start.kind = audit::Kind::start;
  shadow.kind = audit::Kind::passed;
  shadow.reason = "would-deny";
  request.encryption = audit::Encryption::none;
  request.type = audit::StanzaType::get;
  request = refused(std::move(request), "policy", "r");
  const auto answer =
      replayed("rule{ name = 'all', match = Always(), action = Drop() }", {admin, start, shadow, request});
  EXPECT_EQ(answer["events"], 0);
  EXPECT_EQ(answer["passed_over"]["other"], 3);
  EXPECT_EQ(answer["passed_over"]["unclear"], 1);
}

TEST_F(ReplayTest, OnlyRecordsSinceThen) {
  std::vector<audit::Record> records;
  for (int i = 0; i < 10; ++i) {
    records.push_back(message("alice@x.org", "bob@x.org"));
    records.back().time_ns += i * 3'600'000'000'000;
  }
  EXPECT_EQ(replayed("", records, monday_ns + 3 * 3'600'000'000'000)["records"], 7);
  EXPECT_EQ(replayed("", records, monday_ns + 20 * 3'600'000'000'000)["records"], 0);
  EXPECT_EQ(replayed("", records, 0)["records"], 10);
}

TEST_F(ReplayTest, ALogThatIsNotThereIsAnError) {
  auto set = policy::PolicySet::load("", "p.lua");
  EXPECT_FALSE(replay(**set, {.folder = root_ + "/nowhere"}));
}

TEST(Since, TakesSpansAndDates) {
  constexpr std::int64_t now = 1'000'000'000'000'000'000, hour = 3'600'000'000'000;
  EXPECT_EQ(since_of("24h", now).value_or(0), now - 24 * hour);
  EXPECT_EQ(since_of("30m", now).value_or(0), now - hour / 2);
  EXPECT_EQ(since_of("7d", now).value_or(0), now - 168 * hour);
  EXPECT_EQ(since_of("2026-07-20T08:00:00Z", now).value_or(0), monday_ns);
  for (const char* text : {"", "24", "h", "-1h", "1w", "24hh", "99999999999999999999h", "36501d", "yesterday"}) {
    EXPECT_FALSE(since_of(text, now)) << text;
  }
}

TEST_F(ReplayTest, CountsWhatWouldBeHeldBackAndNotWhatComesOfIt) {
  auto later = message("a@x.org", "b@x.org");
  later.verdict = audit::Outcome::stored;
  later.reason = "delayed";
  later.rule = "night";
  auto over = message("a@x.org", "b@x.org");
  over.reason = "delay-over";
  const auto answer = replayed(
      R"(
    rule{ name = "night", match = Kind("message") * Direction("in") * To("b@x.org"), action = Delay("2h") }
    rule{ name = "refused", match = Kind("message") * To("b@x.org") * From("c@x.org"), action = Deny("forbidden") }
    rule{ name = "trial", match = Kind("message"), action = Delay("1h"), shadow = true })",
      {message("a@x.org", "b@x.org"), message("a@x.org", "d@x.org"), later, over, message("c@x.org", "b@x.org")});
  EXPECT_EQ(answer["events"], 4);
  EXPECT_EQ(answer["passed_over"]["other"], 1);
  EXPECT_EQ(answer["newly_refused"], 1);
  EXPECT_EQ(answer["rules"][0]["delays"], 2);
  EXPECT_EQ(answer["rules"][2]["delays"], 0);
}

}  // namespace
}  // namespace valise::ctl
