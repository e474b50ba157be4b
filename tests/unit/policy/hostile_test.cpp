// What a policy's author could try against the server.
#include <time.h>

#include "policies.hpp"

namespace valise::policy::test {
namespace {

using testing::HasSubstr;

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr double slow = 20;
#else
constexpr double slow = 1;
#endif

double cpu_ms() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e3 + static_cast<double>(now.tv_nsec) / 1e6;
}

TEST(Hostile, EveryBombIsDeniedInAFewMilliseconds) {
  const char* bombs[] = {
      "while true do end",
      "local t = {} while true do t[#t + 1] = {} end",
      "local t = {} while true do t[#t + 1] = m.from .. #t end",
      "local s = m.from while true do s = s .. s end",
      "return ('x'):rep(1 << 40)",
      "return ('a?'):rep(30):find(('a?'):rep(30) .. ('a'):rep(30)) or (('a'):rep(30)):find(('a?'):rep(30) .. "
      "('a'):rep(30) .. 'b')",
      "return (('a'):rep(30) .. 'b'):match(('a*'):rep(30) .. 'c')",
      "return (('x'):rep(100000)):gsub('.-y', '')",
      "while true do string.format('%99.99f', 1e300) end",
      "local f f = function() return pcall(f) end while true do f() end",
      "local f f = function(...) return f(..., ...) end f(1)",
      "local f f = function() return 1 + f() end return f()",
      "pcall(function() while true do end end) pcall(function() while true do end end) return false",
      "table.sort(big, function(a, b) return true end)",
      "while true do table.insert(big, 1, 0) end",
      "while true do table.concat(big, 'x') end",
      "while true do big2[1] = #table.concat(big, ',') end",
      "for k in pairs(emptied) do end while next(emptied) == nil do end",
      "return big == big or tostring(1):rep(250000):upper():lower():reverse() == ''",
      "local f f = function() return (('x'):gsub('x', f)) end f()",
      "local f f = function(a, b) table.sort({3, 2, 1}, f) return false end f()",
      "while true do m:has_tag(('x'):rep(1000)) end",
      "while true do local _ = m.from .. m.to .. m.ip end",
      "for i = 1, 1e9 do big[i] = i end",
      "while true do kept:add(m.from .. #big, 1) end",
      "while true do kept:set('k', ('x'):rep(256)) kept:get('k') end",
      "while true do kept:get(('x'):rep(100000)) end",
      "while true do limit:over('k') end",
      "while true do m:in_group('from', 'g') end",
      "for i = 1, 1e9 do pcall(kept.get, kept, 5) end",
  };
  for (const char* bomb : bombs) {
    const auto set = loaded(
        std::string("local kept, limit = memory{ name = 'kept' }, limiter{ name = 'l', rate = 1 } "
                    "group{ name = 'g', domain = '*x*' } local big, big2, emptied = {}, {}, {}\nfor i = 1, 20000 do "
                    "big[i] = i end\n"
                    "for i = 1, 50000 do emptied[i .. ''] = 1 end for k in pairs(emptied) do emptied[k] = nil end\n"
                    "rule{ name = 'bomb', match = function(m) ") +
        bomb + " end, action = Allow() }\n rule{ name = 'end', match = Always(), action = Drop() }");
    ASSERT_TRUE(set) << bomb;
    double best = 1e9;  // of five: what else runs on the machine only makes it slower
    for (int i = 0; i < 5; ++i) {
      const auto before = cpu_ms();
      const auto decision = set->decide(message());
      best = std::min(best, cpu_ms() - before);
      if (std::string_view(bomb).find("big == big") == std::string_view::npos) {
        EXPECT_EQ(decision.reason, Reason::policy_failed) << bomb;
      }
    }
    // The budget is 1 ms; one library call or instruction may run on to its own bound.
    EXPECT_LT(best, 8 * slow) << bomb;
  }
}

TEST(Hostile, LoadingEndsToo) {
  PolicyOptions options;
  options.budgets.load_us = 50'000;
  options.budgets.heap = 8u << 20;
  for (const char* source :
       {"while true do end", "local t = {} while true do t[#t + 1] = {} end",
        "while true do pcall(function() local s = 'x' while true do s = s .. s end end) end",
        "local m = Always() while true do m = m * m end", "local m = Always() while true do m = -m end",
        "while true do Always() end",
        "local i = 0 while true do i = i + 1 rule{ name = 'r' .. i, match = Always(), action = Allow() } end",
        "while true do Rate{ per = 'all', rate = 1, keys = 100000 } end", "local t = {} for i = 1, 1e9 do t[i] = i end",
        "local i = 0 while true do i = i + 1 memory{ name = 'm' .. i } end",
        "local i = 0 while true do i = i + 1 group{ name = 'g' .. i, includes = { 'g' .. i + 1 } } end",
        "local i = 0 while true do i = i + 1 chain{ name = 'c' .. i, rule{ name = 'r' .. i, match = Always(), action = "
        "Jump('c' .. i + 1) } } end",
        "while true do Jump('x') end", "while true do Strip('x') end",
        "local t = {} for i = 1, 5000 do t[i] = i .. '*' .. i end while true do From(t) end"}) {
    const auto before = cpu_ms();
    const auto set = PolicySet::load(source, "p.lua", options);
    EXPECT_FALSE(set) << source;
    EXPECT_LT(cpu_ms() - before, 1000 * slow) << source;
  }
}

// The numbers of lua/README.md, each from both sides.
TEST(Budgets, AreWhatTheReadmeSays) {
  EXPECT_EQ(Budgets{}.call_instructions, 100'000u);
  EXPECT_EQ(Budgets{}.call_memory, 256u << 10);
  EXPECT_EQ(Budgets{}.decide_us, 1'000u);
  EXPECT_EQ(Budgets{}.heap, 64u << 20);
  EXPECT_EQ(Budgets{}.load_us, 5'000'000u);
}

// Enough time that only the bound under test can end a call, however busy the machine is.
PolicyOptions patient() {
  PolicyOptions options;
  options.budgets.decide_us = 60'000'000;
  return options;
}

Reason reason_of(const std::string& body, const PolicyOptions& options = patient()) {
  const auto set =
      loaded("rule{ name = 'r', match = function(m) " + body + " return false end, action = Allow() }", options);
  return set->decide(message()).reason;
}

TEST(Budgets, ACallHas100000Instructions) {
  EXPECT_EQ(reason_of("for i = 1, 90000 do end"), Reason::no_rule);
  EXPECT_EQ(reason_of("for i = 1, 110000 do end"), Reason::policy_failed);
  EXPECT_EQ(reason_of("local i = 0 ::again:: i = i + 1 if i < 15000 then goto again end"), Reason::no_rule);
  EXPECT_EQ(reason_of("::again:: goto again"), Reason::policy_failed);
  EXPECT_EQ(reason_of("local i = 0 repeat i = i + 1 until false"), Reason::policy_failed);
}

TEST(Budgets, EachCallHasItsOwnInstructionsAndAllShareTheTime) {
  std::string rules;
  for (int i = 0; i < 10; ++i) {
    rules += "rule{ name = 'r" + std::to_string(i) +
             "', match = function(m) for i = 1, 80000 do end return false end, action = Allow() }\n";
  }
  EXPECT_EQ(loaded(rules, patient())->decide(message()).reason, Reason::no_rule);
  PolicyOptions hasty;
  hasty.budgets.decide_us = 1;  // and as much processor time again: less than ten such loops take anywhere
  const auto set = loaded(rules, hasty);
  EXPECT_EQ(set->decide(message()).reason, Reason::policy_failed);
  EXPECT_THAT(set->last_error(), HasSubstr("time budget"));
}

TEST(Budgets, ACallMayAllocate256KiBGarbageIncluded) {
  // A text counts while it is built and as the result.
  EXPECT_EQ(reason_of("local s = ('x'):rep(120000)"), Reason::no_rule);
  EXPECT_EQ(reason_of("local s = ('x'):rep(135000)"), Reason::policy_failed);
  EXPECT_EQ(reason_of("for i = 1, 10 do local s = ('x'):rep(10000 + i) end"), Reason::no_rule);
  EXPECT_EQ(reason_of("for i = 1, 15 do local s = ('x'):rep(10000 + i) end"), Reason::policy_failed);
  EXPECT_EQ(reason_of("local t = {} for i = 1, 10000 do t[i] = i end"), Reason::policy_failed);  // growth is copying
}

TEST(Budgets, TheHeapHas64MiB) {
  EXPECT_EQ(fault("local t = {} for i = 1, 50 do t[i] = ('x'):rep(256000) .. i end"), "");
  EXPECT_THAT(fault("local t = {} for i = 1, 300 do t[i] = ('x'):rep(256000) .. i end"), HasSubstr("memory"));
  // What calls keep counts as well.
  const auto set = loaded(
      "local kept = {} rule{ name = 'r', match = function(m) kept[#kept + 1] = ('x'):rep(80000) .. #kept return false "
      "end, action = Allow() }",
      patient());
  int calls = 0;
  while (calls < 2000 && set->decide(message()).reason == Reason::no_rule) ++calls;
  EXPECT_GT(calls, 600);
  EXPECT_LT(calls, 850);
}

TEST(Budgets, NothingCatchesAnOverrun) {
  for (const char* body :
       {"pcall(function() while true do end end)", "pcall(pcall, function() while true do end end)",
        "local ok = pcall(string.rep, 'x', 1 << 30)",
        "pcall(function() local t = {} while true do t[#t + 1] = {} end end)",
        "pcall(error, 1) for i = 1, 3 do pcall(function() ::a:: goto a end) end",
        "(('x'):rep(50)):gsub('x', function() pcall(function() while true do end end) return 'y' end)",
        "pcall(table.sort, {3, 1, 2}, function() while true do end end)"}) {
    EXPECT_EQ(reason_of(body), Reason::policy_failed) << body;
  }
}

// Shards have a set each, made of one file.
TEST(States, OfTwoShardsShareNothing) {
  const char* source = R"(
    local seen = 0
    names = { first = true }
    rule{ name = 'third', match = function(m) seen = seen + 1 return seen >= 3 end, action = Drop() }
    rule{ name = 'rate', match = Rate{ per = 'from', rate = 0.001, burst = 2 }, action = Deny('resource-constraint') })";
  const auto one = loaded(source, patient());
  const auto other = loaded(source, patient());
  for (int i = 0; i < 2; ++i) EXPECT_EQ(one->decide(message()).reason, Reason::no_rule);
  for (int i = 0; i < 2; ++i) EXPECT_EQ(other->decide(message()).reason, Reason::no_rule);
  EXPECT_EQ(one->decide(message()).rule, "third");
  EXPECT_EQ(one->describe()[0].hits, 1u);
  EXPECT_EQ(other->describe()[0].hits, 0u);
}

TEST(Hostile, TreesOfMatchersAreBounded) {
  EXPECT_THAT(fault("local m = Always() for i = 1, 20 do m = m * m end"), HasSubstr("too large"));
  EXPECT_THAT(fault("local m = Always() for i = 1, 40 do m = -m end"), HasSubstr("too large"));
  EXPECT_EQ(fault("local m = Always() for i = 1, 31 do m = -m end"), "");
  EXPECT_THAT(fault("local t = {} for i = 1, 10000 do t[i] = Always() end Any(t)"), HasSubstr("too large"));
  EXPECT_EQ(fault("local t = {} for i = 1, 9999 do t[i] = Always() end Any(t)"), "");
  EXPECT_THAT(fault("local t = {} for i = 1, 65 do t[i] = '*' .. i .. '*' end From(t)"),
              HasSubstr("at most 64 patterns"));
  EXPECT_EQ(fault("local t = {} for i = 1, 64 do t[i] = '*' .. i .. '*' end From(t)"), "");
  EXPECT_THAT(fault("local t = {} for i = 1, 65 do t[i] = 'a*' .. i .. '*' end From(t)"),
              HasSubstr("at most 64 patterns"));
  EXPECT_THAT(fault("From('*' .. ('x'):rep(256))"), HasSubstr("at most 256 bytes"));
}

TEST(Hostile, ObjectsGiveNothingAway) {
  for (const char* source : {"getmetatable('').__index = nil",
                             "setmetatable({}, {__gc = function() end})",
                             "debug.sethook()",
                             "local s <close> = {}",
                             "rawset(string, 'rep', nil)",
                             "string.rep = nil",
                             "_ENV.rule = 1",
                             "rule = 1",
                             "load('return 1')",
                             "coroutine.wrap(function() end)",
                             "Kind.x = 1",
                             "Always().x = 1",
                             "Always().__mul = 1",
                             "collectgarbage('stop')",
                             "('').rep = nil",
                             "local s = '' s.x = 1",
                             "getmetatable('').__index.rep = nil",
                             "string = {}",
                             "table.insert = nil",
                             "math.floor = nil",
                             "rawequal(1, 1)",
                             "xpcall(error, error)",
                             "debug.getmetatable('')",
                             "coroutine.create(error)",
                             "string.dump(function() end)",
                             "_G.x = 1",
                             "table.move({}, 1, 1, 1)",
                             "('x'):dump()",
                             "local _ = Always() == nil + 1",
                             "for k in pairs(Always()) do end",
                             "#Always()"}) {
    EXPECT_NE(fault(source), "") << source;
  }
  EXPECT_EQ(fault("_ENV = {} "), "");  // a file that hides its globals from itself: harmless
  EXPECT_EQ(fault("local n = 0 for k in pairs(_ENV) do n = n + 1 end assert(n == 0)"), "");
}

TEST(Hostile, AFullHeapFailsClosedAndStaysBounded) {
  auto options = patient();
  options.budgets.heap = 2u << 20;
  const auto set = loaded(R"(
    local kept = {}
    rule{ name = 'leak', match = function(m) for i = 1, 500 do kept[#kept + 1] = m.from .. #kept end return false end,
          action = Allow() })",
                          options);
  int allowed = 0;
  for (int i = 0; i < 2000; ++i) allowed += set->decide(message()).verdict == Verdict::allow ? 1 : 0;
  EXPECT_GT(allowed, 10);
  EXPECT_LT(allowed, 2000);
  EXPECT_EQ(set->decide(message()).reason, Reason::policy_failed);
  EXPECT_GT(set->counters().overruns, 0u);
}

TEST(Hostile, GarbageIsCollectedBetweenDecisions) {
  auto options = patient();
  options.budgets.heap = 2u << 20;
  const auto set = loaded(R"(
    rule{ name = 'waste', match = function(m) local t = {} for i = 1, 500 do t[i] = m.from .. i end return #t == 0 end,
          action = Deny('forbidden') })",
                          options);
  for (int i = 0; i < 5000; ++i) ASSERT_EQ(set->decide(message()).verdict, Verdict::allow) << i << set->last_error();
}

}  // namespace
}  // namespace valise::policy::test
