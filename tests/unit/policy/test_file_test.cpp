#include "policy/test_file.hpp"

#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "policies.hpp"

namespace valise::policy::test {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

constexpr std::string_view rules = R"(
rule{ name = "no", match = Kind("message") * To("no@x.org"), action = Deny{ "forbidden", fr = "Non.", en = "No." } }
rule{ name = "gone", match = Kind("message") * To("gone@x.org"), action = Drop() }
rule{ name = "trial", match = Kind("message") * To("trial@x.org"), action = Deny("forbidden"), shadow = true }
rule{ name = "fails", match = Kind("message") * To("fails@x.org") * function(m) return m.sise end, action = Drop() }
rule{ name = "tags", match = Kind("login"), action = Tag("t") }
rule{ name = "seal", match = Kind("unsealed"), action = Seal("warn") }
rule{ name = "rate", match = Kind("presence") * Rate{ per = "from", rate = 1, burst = 3 }, action = Drop() }
)";

constexpr std::string_view live_rules = R"(
group{ name = "cabinet", stored = true }
group{ name = "justice", ldap = { uri = 'ldapi://%2Fs', base = 'dc=x', filter = '(a=b)', attribute = 'mail',
                                  refresh = '10s', timeout = '5s', keep_for = '10s' } }
group{ name = "fixed", members = "f@x.org" }
rule{ name = "cabinet", match = FromGroup("cabinet"), action = Deny("forbidden") }
rule{ name = "justice", match = Kind("iq") * FromGroup("justice"), action = Deny("forbidden") }
)";

class TestFile : public testing::Test {
 protected:
  TestFile() {
    std::string name = testing::TempDir() + "/valise-policy-XXXXXX";
    folder_ = ::mkdtemp(name.data());
    write("rules.lua", rules);
  }
  ~TestFile() override { std::filesystem::remove_all(folder_); }
  void write(const std::string& name, std::string_view text) { std::ofstream(folder_ + "/" + name) << text; }

  TestRun run(std::string_view source) {
    write("t.lua", source);
    return run_test_file(folder_ + "/t.lua");
  }
  // Of a file with one test: why it failed, without the folder; "" if it passed.
  std::string why(const std::string& body) {
    auto out = run("policy 'rules.lua'\ntest('t', function()\n" + body + "\nend)");
    if (out.error) return without_folder(out.error->message());
    return out.results.size() == 1 ? without_folder(out.results[0].why) : "not one result";
  }
  std::string error(std::string_view source) {
    const auto out = run(source);
    return out.error ? without_folder(out.error->message()) : "no error";
  }
  std::string without_folder(std::string text) const {
    for (std::size_t at; (at = text.find(folder_ + "/")) != std::string::npos;) text.erase(at, folder_.size() + 1);
    return text;
  }
  std::string folder_;
};

TEST_F(TestFile, ExpectationsThatAreMetPass) {
  EXPECT_EQ(
      why("expect.denied{ from = 'a@x.org', to = 'no@x.org' }:by('no'):with('forbidden'):says('Non.'):says('No.')"),
      "");
  EXPECT_EQ(why("expect.dropped{ kind = 'message', from = 'a@x.org', to = 'GONE@x.org' }:by('gone')"), "");
  EXPECT_EQ(why("expect.allowed{ from = 'a@x.org', to = 'b@x.org', at = '2026-07-14 10:00', size = 7, sealed = true }"),
            "");
  EXPECT_EQ(why("expect.on_trial{ from = 'a@x.org', to = 'trial@x.org' }:by('trial')"), "");
  EXPECT_EQ(why("expect.allowed{ from = 'a@x.org', to = 'trial@x.org' }"), "");
  EXPECT_EQ(why("expect.failed{ from = 'a@x.org', to = 'fails@x.org' }:by('fails')"), "");
  EXPECT_EQ(why("expect.allowed{ kind = 'login', from = 'a@x.org', tags = { 'u', 'v' } }:tagged('t')"), "");
  EXPECT_EQ(why("expect.allowed{ kind = 'unsealed', from = 'a@x.org', to = 'b@x.org' }:by('seal'):sealed('warn')"), "");
  EXPECT_EQ(why("local p = { kind = 'presence', from = 'a@x.org', times = 3 }\n expect.allowed(p) p.times = 1 "
                "expect.dropped(p):by('rate') wait(1.5) expect.allowed(p) ask(p)"),
            "");
}

TEST_F(TestFile, MembersOfTheStoreAndOfDirectoriesAreThoseThatATestNames) {
  write("rules.lua", live_rules);
  EXPECT_EQ(
      why("local m, i = { from = 'a@x.org' }, { kind = 'iq', from = 'a@x.org' }\n"
          "expect.allowed(m) group_members('cabinet', { 'a@x.org', 'B@X.ORG' }) expect.denied(m):by('cabinet')\n"
          "group_members('cabinet', {}) expect.allowed(m)\n"
          "expect.failed(i):by('justice') group_members('justice', { 'a@x.org' }) expect.denied(i):by('justice')\n"
          "wait(30) expect.denied(i) wait(1) expect.failed(i)"),
      "");
  EXPECT_THAT(
      why("group_members('cabinett', {})"),
      HasSubstr("the policy has no group \"cabinett\" that is stored or of a directory; the nearest is \"cabinet\""));
  EXPECT_THAT(why("group_members('fixed', {})"), HasSubstr("the policy has no group \"fixed\""));
  EXPECT_THAT(why("group_members('cabinet', { '*@x.org' })"), HasSubstr("\"*@x.org\" is no address"));
  EXPECT_THAT(why("group_members('cabinet', 'x')"), HasSubstr("takes a group's name and a list of addresses"));
  EXPECT_THAT(error("policy 'rules.lua'\ngroup_members('cabinet', {})"),
              HasSubstr("t.lua:2: group_members stands in a test"));
  // The next test begins without them.
  const auto out =
      run("policy 'rules.lua'\ntest('a', function() group_members('cabinet', { 'a@x.org' }) end)\n"
          "test('b', function() expect.allowed{ from = 'a@x.org' } end)");
  ASSERT_EQ(out.results.size(), 2u);
  EXPECT_EQ(out.results[1].why, "");
}

TEST_F(TestFile, WhatIsNotMetIsSaidWithItsLine) {
  EXPECT_EQ(why("\n expect.denied{ from = 'a@x.org', to = 'b@x.org' }"),
            "t.lua:4: expected to be denied, but it was allowed, no rule decided (message from a@x.org to b@x.org)");
  EXPECT_EQ(why("expect.allowed{ from = 'a@x.org', to = 'no@x.org' }"),
            "t.lua:3: expected to be allowed, but it was denied by \"no\" (message from a@x.org to no@x.org)");
  EXPECT_THAT(why("expect.denied{ from = 'a@x.org', to = 'no@x.org' }:by('yes')"),
              HasSubstr("t.lua:3: expected the rule \"yes\", but it is \"no\""));
  EXPECT_THAT(why("expect.denied{ to = 'no@x.org' }:with('not-allowed')"),
              HasSubstr("condition \"not-allowed\", but it is \"forbidden\""));
  EXPECT_THAT(why("expect.allowed{ to = 'b@x.org' }:by('no')"), HasSubstr("but there is none"));
  EXPECT_THAT(why("expect.allowed{ kind = 'login' }:tagged('v')"), HasSubstr("the tag \"v\""));
  EXPECT_THAT(why("expect.denied{ from = 'a@x.org', to = 'fails@x.org' }"), HasSubstr("but it failed by \"fails\""));
  EXPECT_THAT(why("expect.allowed{ kind = 'presence', from = 'a@x.org', times = 9 }"), HasSubstr("at the 4th time"));
}

TEST_F(TestFile, MistakesAreNamedWithTheNearestName) {
  EXPECT_EQ(why("expcet.denied{}"), "t.lua:3: unknown name \"expcet\"; the nearest is \"expect\"");
  EXPECT_EQ(why("expect.denid{}"), "t.lua:3: there is no expectation \"denid\"; the nearest is \"denied\"");
  EXPECT_EQ(why("expect.denied{ frm = 'a@x.org' }"),
            "t.lua:3: there is no fact \"frm\" to give; the nearest is \"from\"");
  EXPECT_THAT(why("expect.denied{ kind = 'mesage' }"), HasSubstr("the nearest is \"message\""));
  EXPECT_THAT(why("expect.denied{ 'message' }"), HasSubstr("facts have names"));
  EXPECT_THAT(why("expect.denied('x')"), HasSubstr("an event is a table"));
  EXPECT_THAT(why("expect.allowed{}:bye('x')"), HasSubstr("the nearest is \"by\""));
  EXPECT_THAT(why("expect.allowed{}:by()"), HasSubstr("takes a text"));
  EXPECT_THAT(why("test('u', function() end)"), HasSubstr("cannot hold another"));
  EXPECT_EQ(error("policy 'rules.lua'"), "t.lua: there is no test: test(\"…\", function() … end)");
  EXPECT_EQ(error("test('t', function() end)"), "t.lua:1: name the policy first: policy \"policy.lua\"");
  EXPECT_THAT(error("policy 'nowhere.lua'"), HasSubstr("t.lua:1: policy: nowhere.lua: "));
  EXPECT_THAT(error("policy 'rules.lua'\nexpect.denied{}"), HasSubstr("t.lua:2: expect stands in a test"));
  EXPECT_THAT(error("test("), HasSubstr("t.lua:1: "));
  write("wrong.lua", "rul{}");
  EXPECT_EQ(error("policy 'wrong.lua'"), "t.lua:1: policy: wrong.lua:1: unknown name \"rul\"; the nearest is \"rule\"");
  EXPECT_TRUE(run_test_file(folder_ + "/none.lua").error);
}

TEST_F(TestFile, EachTestBeginsAnewAndOneThatFailsHoldsNoOtherBack) {
  const auto out = run(R"(policy "rules.lua"
local p = { kind = "presence", from = "a@x.org", times = 3 }
test("one", function() expect.allowed(p) end)
test("two", function() error("x") end)
test("three", function() expect.allowed(p) end))");
  ASSERT_EQ(out.results.size(), 3u);
  EXPECT_EQ(out.results[0].why, "");
  EXPECT_THAT(out.results[1].why, HasSubstr("t.lua:4: x"));
  EXPECT_EQ(out.results[1].line, 4u);
  EXPECT_EQ(out.results[2].why, "");
}

TEST_F(TestFile, HostileFilesAreContained) {
  EXPECT_THAT(why("for i = 1, 3 do ask{ kind = 'login', times = 20000 } end"), HasSubstr("at most 20000 events"));
  EXPECT_THAT(why("io.open('/etc/passwd')"), HasSubstr("unknown name \"io\""));
  EXPECT_THAT(why("local t = {} while true do t[#t+1] = ('x'):rep(100000) end"), HasSubstr("budget"));
  EXPECT_THAT(why("while true do pcall(error) end"), HasSubstr("time budget"));
  EXPECT_THAT(why("wait(-1)"), HasSubstr("wait takes a number"));
  EXPECT_THAT(error("policy 'rules.lua'\nfor i = 1, 2000 do test('t' .. i, function() end) end"),
              HasSubstr("at most 1000 tests"));
  EXPECT_THAT(why("expect.allowed = nil"), "");
}

TEST_F(TestFile, KnowsWhatWaitsAndWhatIsLimited) {
  write("rules.lua", R"(
rule{ name = "pace", match = Kind("session"), action = Limit{ stanzas_per_s = 5 } }
rule{ name = "keys", match = Kind("publish"), action = RequireApproval() }
rule{ name = "night", match = Kind("message"), action = Quiet() })");
  EXPECT_EQ(why("expect.allowed{ from = 'a@x.org', to = 'b@x.org', direction = 'in' }:quiet()"), "");
  EXPECT_THAT(why("expect.allowed{ kind = 'session', from = 'a@x.org' }:quiet()"),
              HasSubstr("expected no push service to be told, but it would be"));
  EXPECT_EQ(why("expect.allowed{ kind = 'session', from = 'a@x.org' }:limited{ stanzas_per_s = 5, rate = 0 }\n"
                "expect.allowed{ kind = 'device', from = 'a@x.org' }:waits()"),
            "");
  EXPECT_THAT(why("expect.allowed{ kind = 'session', from = 'a@x.org' }:limited{ stanzas_per_s = 6 }"),
              HasSubstr("expected stanzas_per_s to be another number than 5"));
  EXPECT_THAT(why("expect.allowed{ kind = 'session', from = 'a@x.org' }:limited{ stanzas = 6 }"),
              HasSubstr("limited has no \"stanzas\""));
  EXPECT_THAT(why("expect.allowed{ kind = 'session', from = 'a@x.org' }:waits()"),
              HasSubstr("expected it to wait for an administrator, but it does not"));
}

TEST_F(TestFile, KnowsTheNewWordsChainsAndFilesBesideThePolicy) {
  write("blocked.txt", "spam@y.org\n");
  write("rules.lua", R"(
local met = memory{ name = "met" }
group{ name = "blocked", file = "blocked.txt" }
rule{ name = "blocked", match = FromGroup("blocked"), action = { Record("blocked"), Notify("look"), Disconnect(), Unsubscribe(), Drop() } }
rule{ name = "contacts", match = Contact() + RosterGroup("friends"), action = Allow() }
rule{ name = "keys", match = Kind("device") * NewDevices(">", 2), action = Deny("not-allowed") }
rule{ name = "html", match = Child("html"), action = Strip("html") }
rule{ name = "to checks", match = Kind("message"), action = Jump("checks") }
chain{ name = "checks",
  rule{ name = "met", match = Remembers(met, "pair"), action = Return() },
  rule{ name = "first", match = Date("2026-07-14"), action = { Remember(met, "pair"), Deny("forbidden") } } }
)");
  EXPECT_EQ(
      why("expect.dropped{ from = 'spam@y.org', to = 'b@x.org' }:by('blocked'):recorded('blocked'):notified('look')"
          ":disconnected()"),
      "");
  EXPECT_EQ(why("expect.dropped{ from = 'spam@y.org', to = 'b@x.org', direction = 'in' }:unsubscribed()"), "");
  EXPECT_THAT(why("expect.allowed{ from = 'a@x.org', to = 'b@x.org' }:unsubscribed()"),
              HasSubstr("expected the sender's subscription to end, but it stays"));
  EXPECT_EQ(why("expect.dropped{ from = 'spam@y.org', to = 'b@x.org' }:by('blocked')"), "");
  EXPECT_EQ(
      why("expect.allowed{ from = 'a@x.org', to = 'b@x.org', subscription = 'both' }:by('contacts')\n"
          "expect.allowed{ from = 'a@x.org', to = 'b@x.org', roster_groups = { 'x', 'friends' } }:by('contacts')"),
      "");
  EXPECT_EQ(why("expect.denied{ kind = 'device', from = 'a@x.org', new_devices = 3 }:by('keys')"), "");
  EXPECT_EQ(why("expect.allowed{ from = 'a@x.org', to = 'b@x.org', children = { 'html "
                "http://jabber.org/protocol/xhtml-im' } }"
                ":stripped('html')"),
            "");
  EXPECT_EQ(why("local m = { from = 'a@x.org', to = 'b@x.org', at = '2026-07-14 10:00' }\n"
                "expect.denied(m):by('first') expect.allowed(m)"),
            "");
  EXPECT_EQ(why("expect.allowed{ from = 'a@x.org', to = 'b@x.org' }:recorded('x')"),
            "t.lua:3: expected the record \"x\", but there is none (message from a@x.org to b@x.org)");
}

TEST_F(TestFile, SetsWhatAnAdministratorWouldSet) {
  write("rules.lua", R"(
local crisis = memory{ name = "crisis", lifetime = "4h" }
local out = memory{ name = "out" }
rule{ name = "crisis", match = Remembers(crisis, "all"), action = Drop() }
rule{ name = "out", match = Remembers(out, "from"), action = Drop() })");
  EXPECT_EQ(why("expect.allowed{ from = 'a@x.org', to = 'b@x.org' }:by(''):recorded('')\n"
                "remember('crisis', 'all') expect.dropped{ from = 'a@x.org', to = 'b@x.org' }:by('crisis')\n"
                "wait(4 * 3600 + 1) expect.allowed{ from = 'a@x.org', to = 'b@x.org' }\n"
                "remember('out', 'a@x.org', '1m') expect.dropped{ from = 'a@x.org', to = 'b@x.org' }:by('out')\n"
                "forget('out', 'a@x.org') expect.allowed{ from = 'a@x.org', to = 'b@x.org' }"),
            "");
  EXPECT_EQ(why("expect.allowed{ from = 'a@x.org' }"), "") << "each test begins anew";
  EXPECT_EQ(why("remember('crises', 'all')"),
            "t.lua:3: the rules have no memory \"crises\"; the nearest is \"crisis\"");
  EXPECT_THAT(why("remember('out', 'a@x.org', 'soon')"), HasSubstr("a lifetime is a time such as"));
  EXPECT_THAT(error("policy 'rules.lua'\nremember('out', 'x')"), HasSubstr("t.lua:2: remember stands in a test"));
}

TEST(StockTests, OursPass) {
  std::size_t passed = 0;
  for (const auto& entry : std::filesystem::directory_iterator(std::string(VALISE_SOURCE_DIR) + "/lua/tests")) {
    if (!entry.path().stem().string().ends_with("_test")) continue;
    const auto out = run_test_file(entry.path());
    EXPECT_FALSE(out.error) << out.error->message();
    for (const auto& result : out.results) EXPECT_EQ(result.why, "") << result.name;
    passed += out.results.size();
  }
  EXPECT_GE(passed, 6u);
}

}  // namespace
}  // namespace valise::policy::test
