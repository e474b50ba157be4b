#include "config/sandbox/sandbox.hpp"

#include <time.h>

#include <gmock/gmock.h>

#include <lua.hpp>

namespace valise::config {
namespace {

using testing::AnyOf;
using testing::HasSubstr;

constexpr Budget a_call{.instructions = 100'000, .memory = 256 * 1024, .wall_us = 1000};

class InSandbox : public testing::Test {
 protected:
  // The result of the chunk as text, or "! line: error".
  std::string run(std::string_view source, Budget budget = a_call) {
    sandbox_ = std::make_unique<Sandbox>();
    sandbox_->push_libraries();
    if (auto compiled = sandbox_->compile(source); !compiled) return text(compiled.error());
    return call(budget);
  }
  std::string call(Budget budget) {
    auto* lua = sandbox_->state();
    sandbox_->start_clock(budget.wall_us);
    const int top = lua_gettop(lua) - 1;
    const auto done = sandbox_->call(0, 1, budget);
    overrun_ = done ? Overrun::none : done.error().overrun;
    if (!done) {
      EXPECT_EQ(lua_gettop(lua), top);
      return text(done.error());
    }
    std::string out = luaL_tolstring(lua, -1, nullptr);
    lua_settop(lua, top);
    return out;
  }
  static std::string text(const LuaError& error) { return "! " + std::to_string(error.line) + ": " + error.text; }

  // Runs it within one call's budget and expects the budget to end it, in bounded time.
  void expect_overrun(std::string_view source) {
    timespec before{}, after{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &before);
    EXPECT_THAT(run(source), HasSubstr("budget is used up")) << source;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &after);
    const double ms = static_cast<double>(after.tv_sec - before.tv_sec) * 1e3 +
                      static_cast<double>(after.tv_nsec - before.tv_nsec) / 1e6;
    EXPECT_LT(ms, slow_build ? 400 : 25) << source;  // sandbox's own making included
    EXPECT_NE(overrun_, Overrun::none);
  }

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  static constexpr bool slow_build = true;
#else
  static constexpr bool slow_build = false;
#endif
  std::unique_ptr<Sandbox> sandbox_;
  Overrun overrun_ = Overrun::none;
};

TEST_F(InSandbox, OrdinaryLuaWorks) {
  EXPECT_EQ(run("return 1 + 1"), "2");
  EXPECT_EQ(run("local t = {3, 1, 2} table.sort(t) return table.concat(t, ',')"), "1,2,3");
  EXPECT_EQ(run("return string.format('%5.1f|%s|%d|%q', 1.25, 'x', 7, 'a\"')"), "  1.2|x|7|\"a\\\"\"");
  EXPECT_EQ(run("return ('ab'):rep(3, '-')"), "ab-ab-ab");
  EXPECT_EQ(run("local n = 0 for k, v in pairs {a = 1, b = 2} do n = n + v end return n"), "3");
  EXPECT_EQ(run("return select('#', table.unpack({1, 2, 3}))"), "3");
  EXPECT_EQ(run("return math.max(1, 3) .. math.type(2)"), "3integer");
  EXPECT_EQ(run("local ok, e = pcall(error, 'x', 0) return tostring(ok) .. e"), "falsex");
  EXPECT_EQ(run("return tostring({}) .. tostring(print) .. tostring(print == nil)"), "tableniltrue");
}

TEST_F(InSandbox, StringFunctionsGiveWhatLuasOwnGive) {
  EXPECT_EQ(run("return table.concat({('hello world'):find('o w')}, ',')"), "5,7");
  EXPECT_EQ(run("return table.concat({('a.b'):find('.', 1, true)}, ',')"), "2,2");
  EXPECT_EQ(run("return table.concat({('hello'):find('l(l)')}, ',')"), "3,4,l");
  EXPECT_EQ(run("return tostring(('x'):find('', 10))"), "nil");
  EXPECT_EQ(run("return table.concat({('x'):find('', 2)}, ',')"), "2,1");
  EXPECT_EQ(run("return ('hello'):find('l', -2)"), "4");
  EXPECT_EQ(run("return ('k=v'):match('(%w)=(%w)')"), "k");
  EXPECT_EQ(run("return ('  x '):match('^%s*(.-)%s*$')"), "x");
  EXPECT_EQ(run("local o = {} for w in ('one two'):gmatch('%a+') do o[#o+1] = w end return table.concat(o, '|')"),
            "one|two");
  EXPECT_EQ(
      run("local o = {} for k, v in ('a=1,b=2'):gmatch('(%w)=(%w)') do o[#o+1] = v..k end return table.concat(o)"),
      "1a2b");
  EXPECT_EQ(run("local n = 0 for _ in ('abc'):gmatch('') do n = n + 1 end return n"), "4");
  EXPECT_EQ(run("return (('hello world'):gsub('o', '0'))"), "hell0 w0rld");
  EXPECT_EQ(run("return (('hello'):gsub('', '-'))"), "-h-e-l-l-o-");
  EXPECT_EQ(run("return (('abc'):gsub('%w', '%0%0', 2))"), "aabbc");
  EXPECT_EQ(run("return (('abc'):gsub('(a)(b)', '%2%1'))"), "bac");
  EXPECT_EQ(run("return (('$x $y'):gsub('%$(%w)', {x = 'A'}))"), "A $y");
  EXPECT_EQ(run("return (('abc'):gsub('%w', function(c) if c == 'b' then return c:upper() end end))"), "aBc");
  EXPECT_EQ(run("return select(2, ('aaa'):gsub('^a', 'b'))"), "1");
  EXPECT_EQ(run("return (('abc def'):gsub('%s*', '.'))"), ".a.b.c.d.e.f.");
  EXPECT_THAT(run("return ('a'):gsub('a', '%9')"), HasSubstr("invalid capture index"));
  EXPECT_THAT(run("return ('a'):gsub('(', 'b')"), HasSubstr("unfinished capture"));
  EXPECT_THAT(run("return ('a'):gsub('a', '%x')"), HasSubstr("invalid use of '%'"));
}

TEST_F(InSandbox, NothingLeadsOut) {
  for (const char* name :
       {"io",     "os",        "package",        "require",      "load",         "loadstring", "loadfile", "dofile",
        "debug",  "coroutine", "collectgarbage", "setmetatable", "getmetatable", "rawset",     "rawget",   "rawequal",
        "rawlen", "xpcall",    "print",          "warn",         "_G",           "utf8"}) {
    EXPECT_EQ(run(std::string("return tostring(") + name + ")"), "nil") << name;
  }
  EXPECT_EQ(run("return tostring(string.dump) .. tostring(math.random) .. tostring(string.pack)"), "nilnilnil");
  EXPECT_EQ(run("return tostring(table.move)"), "nil");
}

TEST_F(InSandbox, BytecodeIsRefused) { EXPECT_THAT(run("\x1bLua"), HasSubstr("attempt to load a binary chunk")); }

TEST_F(InSandbox, LibrariesCannotBeChanged) {
  EXPECT_THAT(run("string.rep = nil"), HasSubstr("read-only"));
  EXPECT_THAT(run("table.insert(string, 1)"), HasSubstr("read-only"));
  EXPECT_EQ(run("return tostring(next(string))"), "nil");
  EXPECT_THAT(run("return ('x').y.z"), HasSubstr("attempt to index a nil value"));
}

TEST_F(InSandbox, AddressesAreNotShown) {
  EXPECT_THAT(run("return string.format('%p', 'x')"), HasSubstr("not offered"));
  EXPECT_THAT(run("return string.format('%-20p', 'x')"), HasSubstr("not offered"));
  EXPECT_THAT(run("return string.format('%s', {})"), HasSubstr("tostring"));
  EXPECT_EQ(run("return string.format('%%p')"), "%p");
}

TEST_F(InSandbox, LoopsEndByInstructions) {
  EXPECT_THAT(run("\nwhile true do end"), "! 2: the instruction budget is used up");
  EXPECT_EQ(overrun_, Overrun::instructions);
  expect_overrun("local function f() return f() end f()");
  expect_overrun("repeat until false");
  expect_overrun("for i = 1, math.huge do end");
  expect_overrun("for i = 1, 1e9 do local x = i end");
}

TEST_F(InSandbox, AnOverrunCannotBeCaught) {
  expect_overrun("while true do pcall(function() while true do end end) end");
  expect_overrun("local function f() pcall(f) while true do end end while true do pcall(f) end");
  expect_overrun("while true do pcall(string.rep, 'x', 1e9) end");
  expect_overrun("pcall(function() while true do end end) return 1");
  expect_overrun("local s = ('x'):rep(1000) while true do pcall(function() s = s .. s end) end");
  expect_overrun("table.sort({3, 2, 1, 4, 5}, function() while true do end end)");
  expect_overrun("(('x'):rep(100)):gsub('.', function() while true do end end)");
}

TEST_F(InSandbox, MemoryEndsWithTheBudgetWhateverAsksForIt) {
  expect_overrun("local s = 'x' while true do s = s .. s end");
  expect_overrun("local t = {} for i = 1, 1e9 do t[i] = i end");
  expect_overrun("local t = {} for i = 1, 1e9 do t[i] = {} end");
  expect_overrun("return ('x'):rep(1e9)");
  expect_overrun("return ('x'):rep(300000)");
  expect_overrun("return ('x'):rep(10, ('y'):rep(100000))");
  expect_overrun(
      "local t = {} for i = 1, 99 do t[i] = ('x'):rep(2000) end local s = table.concat(t) return s .. s .. s .. s .. "
      "s");
  expect_overrun("local s = ('x'):rep(2000) local t = {} for i = 1, 250 do t[i] = s end return table.concat(t)");
  expect_overrun("return (('x'):rep(1000):gsub('x', ('y'):rep(1000)))");
  expect_overrun("local s = ('x'):rep(60000) return string.format('%s%s%s%s%s%s%s%s', s, s, s, s, s, s, s, s)");
  expect_overrun("local function f(...) return f(1, ...) end f()");
  expect_overrun("local function f() return 1 + f() end f()");
}

TEST_F(InSandbox, LibraryCallsPayForWhatTheyDo) {
  expect_overrun("return ('a'):rep(60):find(('a?'):rep(60) .. ('a'):rep(61))");
  expect_overrun("return ('a?'):rep(30) .. ('a'):rep(30), (('a'):rep(29)):match(('a?'):rep(30) .. ('a'):rep(30))");
  expect_overrun("return ('x'):rep(50000):match('.-.-.-.-y')");
  expect_overrun("local s = ('x'):rep(50000) while true do s:find('y', 1, true) end");
  expect_overrun("local s = ('x'):rep(50000) while true do local _ = s:upper():lower() end");
  expect_overrun("local s = ('('):rep(20000) return s:find('%b()')");
  expect_overrun(
      "local t = {} for i = 1, 2000 do t[i] = i end while true do table.insert(t, 1, 0) table.remove(t, 1) end");
  expect_overrun("local t = {} for i = 1, 5000 do t[i] = -i end while true do table.sort(t) end");
  expect_overrun("for w in ('x'):rep(60000):gmatch('x-y') do end");
}

TEST_F(InSandbox, BulkArgumentsAreBounded) {
  EXPECT_THAT(run("return table.unpack({}, 1, 1e8)"), HasSubstr("at most 250"));
  EXPECT_THAT(run("return table.unpack({}, math.mininteger, math.maxinteger)"), HasSubstr("at most 250"));
  EXPECT_EQ(run("return select('#', table.unpack({}, 1, 250))"), "250");
}

TEST_F(InSandbox, TheClockEndsWhatInstructionsDoNot) {
  const Budget endless{.instructions = 1'000'000'000'000, .memory = 0, .wall_us = 2000};
  EXPECT_THAT(run("while true do end", endless), HasSubstr("time budget"));
  EXPECT_THAT(run("local s = ('a'):rep(200000) s:find('a-b')", endless), HasSubstr("instruction budget"));
  EXPECT_THAT(run("local s = ('a'):rep(200000) while true do s:find('a', 1, true) end", endless),
              HasSubstr("time budget"));
}

TEST_F(InSandbox, AStateIsGoodAgainAfterEveryOverrun) {
  const char* source = R"(
    return function(which)
      if which == 1 then while true do end end
      if which == 2 then local s = 'x' while true do s = s .. s end end
      if which == 3 then local t = {} for i = 1, 1e9 do t[i] = i end end
      if which == 4 then return ('a'):rep(1e9) end
      if which == 5 then local function f(...) return f(1, ...) end f() end
      if which == 6 then local t = {} while true do t[{}] = {} end end
      if which == 7 then local s = ('x'):rep(60000) return s .. s .. s .. s .. s .. s .. s .. s .. s .. s end
      local t = {} for i = 1, 100 do t[i] = 'v' .. i end
      return table.concat(t):sub(1, 4)
    end)";
  Sandbox sandbox;
  auto* lua = sandbox.state();
  sandbox.push_libraries();
  ASSERT_TRUE(sandbox.compile(source));
  sandbox.start_clock(1'000'000);
  ASSERT_TRUE(sandbox.call(0, 1, a_call));
  std::size_t settled = 0;
  for (int round = 0; round < 300; ++round) {
    for (int which = 0; which <= 7; ++which) {
      lua_pushvalue(lua, 1);
      lua_pushinteger(lua, which);
      sandbox.start_clock(1'000'000);
      const auto done = sandbox.call(1, 1, a_call);
      ASSERT_EQ(done.has_value(), which == 0) << which;
      if (done) {
        EXPECT_STREQ(lua_tostring(lua, -1), "v1v2");
        lua_pop(lua, 1);
      }
      ASSERT_EQ(lua_gettop(lua), 1);
      sandbox.collect();
    }
    if (round == 100) settled = sandbox.heap_used();
  }
  // What unwinding through the allocator leaves behind, if anything, is not a leak that grows.
  EXPECT_LT(sandbox.heap_used(), settled + (6u << 20));
}

// A call that the kernel took off the processor gets its time again; loading does not get it twice.
TEST(LoadClock, EndsALoopWithinItsProcessorTime) {
  constexpr std::int64_t budget_us = 100'000;
  const auto processor_us = [] {
    timespec now{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return now.tv_sec * 1'000'000 + now.tv_nsec / 1'000;
  };
  Sandbox sandbox;
  sandbox.push_libraries();
  ASSERT_TRUE(sandbox.compile("while true do end"));
  const auto before = processor_us();
  sandbox.start_load_clock(budget_us);
  const auto done = sandbox.call(0, 0, {.instructions = 10'000'000'000, .memory = 0, .wall_us = budget_us});
  const auto used = processor_us() - before;
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().overrun, Overrun::time);
  EXPECT_LT(used, budget_us * 3 / 2);
}

}  // namespace
}  // namespace valise::config
