#include "policy/test_file.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <filesystem>
#include <lua.hpp>

#include "base/log.hpp"
#include "config/nearest.hpp"
#include "policy/lua_arguments.hpp"
#include "policy/memories.hpp"
#include "policy/opening.hpp"
#include "policy/question.hpp"
#include "policy/state.hpp"
#include "policy/test_outcome.hpp"

namespace valise::policy {
namespace {

constexpr std::size_t most_tests = 1000;
constexpr std::size_t most_events = 20'000;  // of one test
constexpr std::uint64_t test_us = 2'000'000;
constexpr const char* outcome_type = "valise.outcome";

// An error's text for a terminal. It may be in any language, so only what would move the cursor is taken out.
std::string plain(std::string text) {
  if (text.size() > 1024) text.resize(1024);
  std::ranges::replace_if(text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }, '?');
  return text;
}

struct Test {
  std::string name;
  unsigned line = 0;
  int function = 0;  // in the registry
  std::string policy_name, policy_text;
  std::shared_ptr<PolicyFiles> files;  // beside it
};

class Runner {
 public:
  Runner(const std::string& path, const PolicyOptions& options)
      : path_(path), options_(options), sandbox_(options.budgets.heap) {}

  TestRun run() {
    TestRun out;
    const auto source = PolicySet::read_file(path_);
    if (!source) {
      out.error = source.error();
      return out;
    }
    push_environment();
    if (auto compiled = sandbox_.compile(*source); !compiled) return failed(compiled.error());
    if (auto done = call(); !done) return failed(done.error());
    loading_ = false;
    if (tests_.empty()) return failed({0, "there is no test: test(\"…\", function() … end)"});
    for (const auto& test : tests_) out.results.push_back(run(test));
    return out;
  }

  // ---- what the file's functions do

  static Runner& of(lua_State* lua) { return *static_cast<Runner*>(lua_touserdata(lua, lua_upvalueindex(1))); }

  // policy "stock.lua": of the tests behind it, until the next. Relative to the test's own folder.
  static int policy(lua_State* lua) {
    auto& self = of(lua);
    if (!self.loading_) refuse(lua, "policy stands before the tests, not in one");
    const auto name = read_text(lua, 1, "policy");
    const auto path = std::filesystem::path(self.path_).parent_path() / name;  // an absolute name stays one
    auto source = PolicySet::read_file(path);
    if (!source) refuse(lua, "policy: " + source.error().message());
    // Loaded once here, so that its error stands at this line.
    self.options_.files = std::make_shared<PolicyFiles>(PolicyFiles::folder_of(path));
    if (const auto set = PolicySet::load(*source, path, self.options_); !set) {
      refuse(lua, "policy: " + set.error().message());
    }
    self.policy_name_ = path;
    self.policy_text_ = std::move(*source);
    return 0;
  }

  static int test(lua_State* lua) {
    auto& self = of(lua);
    if (!self.loading_) refuse(lua, "a test cannot hold another");
    if (self.tests_.size() >= most_tests) refuse(lua, fmt::format("at most {} tests in a file", most_tests));
    if (self.policy_name_.empty()) refuse(lua, "name the policy first: policy \"policy.lua\"");
    Test made;
    made.name = read_person_text(lua, 1, "a test's name");
    if (!lua_isfunction(lua, 2)) refuse(lua, "test takes a name and a function");
    Place place;
    made.function = keep_function(lua, 2, place);
    made.line = place.line;
    made.policy_name = self.policy_name_;
    made.policy_text = self.policy_text_;
    made.files = self.options_.files;
    self.tests_.push_back(std::move(made));
    return 0;
  }

  // wait(60): so many seconds later.
  static int wait(lua_State* lua) {
    of(lua).in_test(lua, "wait").now_ms_ += static_cast<std::int64_t>(read_number(lua, 1, "wait", 0, 1e9) * 1000);
    return 0;
  }

  // group_members("cabinet", { "a@example.org" }): so the store, or the directory, says from now on.
  static int group_members(lua_State* lua) {
    auto& self = of(lua).in_test(lua, "group_members");
    const auto name = read_text(lua, 1, "group_members");
    std::vector<std::string> members;
    lua_settop(lua, 2);
    if (!lua_istable(lua, 2)) refuse(lua, "group_members takes a group's name and a list of addresses, {} for nobody");
    lua_pushnil(lua);
    if (lua_next(lua, 2) != 0) members = read_texts(lua, 2, "group_members");
    for (auto& member : members) {
      auto normal = self.options_.normalise ? self.options_.normalise(member) : std::optional(member);
      if (!normal || has_star(*normal) || normal->find('@') == std::string::npos) {
        refuse(lua, fmt::format("group_members: \"{}\" is no address", log::printable(member)));
      }
      member = std::move(*normal);
    }
    self.publish(lua, name, members);
    return 0;
  }

  // ask{ … }: an event whose outcome does not matter.
  static int ask(lua_State* lua) {
    of(lua).in_test(lua, "ask").decide_all(lua, [](const Outcome&) { return std::string(); });
    return 0;
  }

  // remember("crisis", "all" [, "4h"]): as an administrator does with valisectl policy memory set.
  static int remember(lua_State* lua) {
    const auto& self = of(lua).in_test(lua, "remember");
    const auto lifetime = lua_isnoneornil(lua, 3) ? std::string() : read_text(lua, 3, "remember");
    const auto done =
        Memories(*self.rules_)
            .set(read_text(lua, 1, "remember"), read_text(lua, 2, "remember"), "1", lifetime, self.now_ms_);
    if (!done) refuse(lua, done.error());
    return 0;
  }

  // forget("crisis", "all")
  static int forget(lua_State* lua) {
    const auto& self = of(lua).in_test(lua, "forget");
    const auto memory = read_text(lua, 1, "forget"), key = read_text(lua, 2, "forget");
    const auto done = Memories(*self.rules_).forget(memory, key, self.now_ms_);
    if (!done) refuse(lua, done.error());
    return 0;
  }

  struct Expectation {
    const char* name;
    bool (*met)(const Outcome&);
    const char* text;
  };
  static constexpr Expectation expectations[] = {
      {"allowed", [](const Outcome& o) { return o.verdict == Verdict::allow; }, "expected to be allowed"},
      {"denied", [](const Outcome& o) { return o.verdict == Verdict::deny && o.reason == Reason::rule; },
       "expected to be denied"},
      {"dropped", [](const Outcome& o) { return o.verdict == Verdict::drop; }, "expected to be dropped"},
      {"failed", [](const Outcome& o) { return o.reason == Reason::policy_failed; }, "expected a rule to fail"},
      {"on_trial", [](const Outcome& o) { return !o.shadow.empty(); }, "expected a rule in shadow to refuse"},
  };

  // expect.denied{ kind = "message", from = "…", to = "…", times = 5 }; upvalue 2: which.
  static int expect(lua_State* lua) {
    const auto& wanted = expectations[lua_tointeger(lua, lua_upvalueindex(2))];
    auto& self = of(lua).in_test(lua, "expect");
    self.decide_all(lua, [&](const Outcome& outcome) {
      return wanted.met(outcome) ? "" : fmt::format("{}, but {} ({})", wanted.text, outcome.text(), outcome.event);
    });
    self.on_trial_ = std::string_view(wanted.name) == "on_trial";
    lua_newuserdatauv(lua, 0, 0);
    luaL_setmetatable(lua, outcome_type);
    return 1;
  }

  // The methods of what `expect` returns; each returns it again. They look at the last outcome.
  template <auto Holds>
  static int holds(lua_State* lua) {
    luaL_checkudata(lua, 1, outcome_type);
    const bool is_empty = lua_type(lua, 2) == LUA_TSTRING && lua_rawlen(lua, 2) == 0;  // that there is none
    const auto text = is_empty ? std::string() : read_text(lua, 2, "this expectation");
    const auto& self = of(lua);
    if (const auto why = Holds(self.last_, text, self.on_trial_); !why.empty()) {
      refuse(lua, fmt::format("{} ({})", why, self.last_.event));
    }
    lua_settop(lua, 1);
    return 1;
  }
  static std::string differs(std::string_view what, const std::string& wanted, const std::string& is) {
    if (wanted == is) return {};
    return is.empty() ? fmt::format("expected {} \"{}\", but there is none", what, wanted)
                      : fmt::format("expected {} \"{}\", but it is \"{}\"", what, wanted, is);
  }
  static std::string by(const Outcome& outcome, const std::string& wanted, bool on_trial) {
    return differs("the rule", wanted, on_trial ? outcome.shadow : outcome.rule);
  }
  static std::string with(const Outcome& outcome, const std::string& wanted, bool) {
    return differs("the condition", wanted, outcome.condition);
  }
  static std::string says(const Outcome& outcome, const std::string& wanted, bool) {
    if (wanted == outcome.text_fr || wanted == outcome.text_en) return {};
    return differs("the text", wanted, outcome.text_en);
  }
  static std::string sealed(const Outcome& outcome, const std::string& wanted, bool) {
    return differs("the mode", wanted, outcome.seal);
  }
  static std::string tagged(const Outcome& outcome, const std::string& wanted, bool) {
    if (std::ranges::find(outcome.tags, wanted) != outcome.tags.end()) return {};
    return fmt::format("expected the tag \"{}\", but it was not given", wanted);
  }
  static std::string recorded(const Outcome& outcome, const std::string& wanted, bool) {
    return differs("the record", wanted, outcome.record);
  }
  static std::string notified(const Outcome& outcome, const std::string& wanted, bool) {
    if (std::ranges::find(outcome.notices, wanted) != outcome.notices.end()) return {};
    return fmt::format("expected the notice \"{}\", but it was not given", wanted);
  }
  static std::string stripped(const Outcome& outcome, const std::string& wanted, bool) {
    if (std::ranges::find(outcome.stripped, wanted) != outcome.stripped.end()) return {};
    return fmt::format("expected \"{}\" to be left out, but it was not", wanted);
  }
  // :limited{ stanzas_per_s = 5 }
  static int limited(lua_State* lua) {
    luaL_checkudata(lua, 1, outcome_type);
    if (!lua_istable(lua, 2)) refuse(lua, "limited takes a table, as Limit does");
    std::vector<std::string_view> names;
    for (const auto& one : pace_fields) names.push_back(one.name);
    check_keys(lua, 2, "limited", names);
    const auto& last = of(lua).last_;
    for (const auto& one : pace_fields) {
      const bool named = lua_getfield(lua, 2, one.name.data()) != LUA_TNIL;
      const auto is = last.pace.*one.field;
      if (named && read_number(lua, -1, one.name, 0, one.most) != is) {
        refuse(lua, fmt::format("expected {} to be another number than {} ({})", one.name, is, last.event));
      }
      lua_pop(lua, 1);
    }
    lua_settop(lua, 1);
    return 1;
  }
  // :delayed("2026-07-13 08:00"), :delayed("10m")
  static int delayed(lua_State* lua) {
    luaL_checkudata(lua, 1, outcome_type);
    const auto& last = of(lua).last_;
    const auto wanted = read_text(lua, 2, "delayed");
    const auto is = last.pause.until_minute != 0 ? text_of(last.pause.until_minute) : std::string();
    const bool by_time = wanted.find('-') == std::string::npos && last.pause.ms != 0 &&
                         read_duration(lua, 2, "delayed") == last.pause.ms;
    if (!by_time && wanted != is) {
      refuse(lua, fmt::format("expected it to wait, \"{}\", but it {} ({})", wanted,
                              !last.pause.any()    ? "does not"
                              : last.pause.ms != 0 ? fmt::format("waits for {} s", last.pause.ms / 1000)
                                                   : fmt::format("waits until {}", is),
                              last.event));
    }
    lua_settop(lua, 1);
    return 1;
  }
  // :keeps(365), :keeps(nil)
  static int keeps(lua_State* lua) {
    luaL_checkudata(lua, 1, outcome_type);
    const auto& last = of(lua).last_;
    std::optional<std::uint32_t> wanted;
    if (!lua_isnoneornil(lua, 2)) wanted = static_cast<std::uint32_t>(read_whole(lua, 2, "keeps", 0, 1e9));
    if (wanted != last.keep_days) {
      refuse(lua, fmt::format("expected other days than {} ({})",
                              last.keep_days ? std::to_string(*last.keep_days) : "none", last.event));
    }
    lua_settop(lua, 1);
    return 1;
  }
  static int at_once(lua_State* lua) {
    luaL_checkudata(lua, 1, outcome_type);
    const auto& last = of(lua).last_;
    if (last.pause.any()) refuse(lua, fmt::format("expected it to come at once, but it waits ({})", last.event));
    lua_settop(lua, 1);
    return 1;
  }
  template <bool Outcome::* Flag>
  static int is(lua_State* lua, std::string_view otherwise) {
    luaL_checkudata(lua, 1, outcome_type);
    const auto& last = of(lua).last_;
    if (!(last.*Flag)) refuse(lua, fmt::format("expected {} ({})", otherwise, last.event));
    lua_settop(lua, 1);
    return 1;
  }
  static int disconnected(lua_State* lua) {
    return is<&Outcome::disconnect>(lua, "the session to end, but it goes on");
  }
  static int unsubscribed(lua_State* lua) {
    return is<&Outcome::unsubscribe>(lua, "the sender's subscription to end, but it stays");
  }
  static int quiet(lua_State* lua) { return is<&Outcome::quiet>(lua, "no push service to be told, but it would be"); }
  static int waits(lua_State* lua) {
    return is<&Outcome::needs_approval>(lua, "it to wait for an administrator, but it does not");
  }

 private:
  void publish(lua_State* lua, const std::string& name, const std::vector<std::string>& members) const {
    std::vector<std::string_view> live;
    const auto groups = rules_->groups();
    for (const auto& group : groups) {
      if (group.sources.empty()) continue;
      live.push_back(group.name);
      if (group.name != name) continue;
      for (const auto& source : group.sources) source.members->publish(members, now_ms_, 0);
      return;
    }
    refuse(lua, fmt::format("the policy has no group \"{}\" that is stored or of a directory{}", log::printable(name),
                            config::nearest_hint(name, live)));
  }

  TestRun failed(const config::LuaError& error) const {
    TestRun out;
    out.error = PolicyError{path_, error.line, plain(error.text)};
    return out;
  }

  std::expected<void, config::LuaError> call() {
    sandbox_.start_load_clock(test_us);
    return sandbox_.call(0, 0, {.instructions = 10'000'000'000, .memory = 0, .wall_us = test_us});
  }

  Runner& in_test(lua_State* lua, std::string_view function) {
    if (loading_) refuse(lua, fmt::format("{} stands in a test: test(\"…\", function() … end)", function));
    return *this;
  }

  TestResult run(const Test& test) {
    TestResult result{test.name, test.line, {}};
    options_.files = test.files;
    options_.live = std::make_shared<LiveGroups>();  // the store is empty, no directory answers
    auto rules = PolicySet::load(test.policy_text, test.policy_name, options_);
    if (!rules) {
      result.why = rules.error().message();
      return result;
    }
    rules_ = std::move(*rules);
    now_ms_ = 1'000'000'000;
    events_ = 0;
    lua_rawgeti(sandbox_.state(), LUA_REGISTRYINDEX, test.function);
    if (auto done = call(); !done) {
      result.why = PolicyError{path_, done.error().line, plain(done.error().text)}.message();
    }
    sandbox_.collect();
    return result;
  }

  // Decides on the event of the table at 1, as often as it says. `look` returns what is wrong with an outcome; refuses
  // with the first.
  template <class Look>
  void decide_all(lua_State* lua, Look look) {
    Question question(options_.normalise);
    const auto times = read_question(lua, question);
    for (std::size_t i = 0; i < times; ++i) {
      if (++events_ > most_events) refuse(lua, fmt::format("at most {} events in a test", most_events));
      sandbox_.charge(100);
      last_ = outcome_of(rules_->decide(question.facts(now_ms_)), question);
      if (const auto why = look(last_); !why.empty()) {
        refuse(lua, times == 1 ? why : fmt::format("{}, at the {}th time", why, i + 1));
      }
    }
  }

  // Returns how many times.
  std::size_t read_question(lua_State* lua, Question& question) const {
    if (!lua_istable(lua, 1)) refuse(lua, "an event is a table: { kind = \"message\", from = \"…\", to = \"…\" }");
    static_cast<void>(question.set("at", "2026-01-05 10:00"));  // a test says the same on every day
    std::size_t times = 1;
    lua_settop(lua, 1);
    for (lua_pushnil(lua); lua_next(lua, 1) != 0; lua_pop(lua, 1)) {
      if (lua_type(lua, 2) != LUA_TSTRING) refuse(lua, "an event's facts have names: { kind = \"message\", … }");
      const std::string name = lua_tostring(lua, 2);
      if (name == "times") {
        times = static_cast<std::size_t>(read_number(lua, 3, "times", 1, static_cast<double>(most_events)));
      } else if (const auto done = question.set(name, fact_at(lua, 3, name)); !done) {
        refuse(lua, done.error());
      }
    }
    return times;
  }

  static std::string fact_at(lua_State* lua, int index, const std::string& name) {
    if (lua_isboolean(lua, index)) return lua_toboolean(lua, index) ? "true" : "false";
    if (lua_isinteger(lua, index)) return std::to_string(lua_tointeger(lua, index));
    if (lua_istable(lua, index) && (name == "tags" || name == "roster_groups" || name == "children")) {
      std::string out;
      for (const auto& text : read_texts(lua, index, name)) out += (out.empty() ? "" : ",") + text;
      return out;
    }
    return read_text(lua, index, name);
  }

  // ---- the file's environment

  void push_environment() {
    lua_State* lua = sandbox_.state();
    push_outcome_type(lua);
    sandbox_.push_libraries();
    const luaL_Reg functions[] = {{"policy", &policy},
                                  {"test", &test},
                                  {"wait", &wait},
                                  {"ask", &ask},
                                  {"remember", &remember},
                                  {"forget", &forget},
                                  {"group_members", &group_members},
                                  {nullptr, nullptr}};
    lua_pushlightuserdata(lua, this);
    luaL_setfuncs(lua, functions, 1);
    push_expect(lua);
    lua_setfield(lua, -2, "expect");
    set_strict(lua, "unknown name");
  }

  // Reading what is not in the table on top is an error with the nearest name.
  static void set_strict(lua_State* lua, const char* what) {
    lua_createtable(lua, 0, 2);
    lua_pushstring(lua, what);
    lua_pushcclosure(
        lua,
        [](lua_State* l) -> int {
          std::vector<std::string_view> names;
          for (lua_pushnil(l); lua_next(l, 1) != 0; lua_pop(l, 1)) {
            if (lua_type(l, -2) == LUA_TSTRING) names.emplace_back(lua_tostring(l, -2));
          }
          std::ranges::sort(names);
          const std::string name = lua_type(l, 2) == LUA_TSTRING ? lua_tostring(l, 2) : "";
          refuse(l, fmt::format("{} \"{}\"{}", lua_tostring(l, lua_upvalueindex(1)), log::printable(name),
                                config::nearest_hint(name, names)));
        },
        1);
    lua_setfield(lua, -2, "__index");
    lua_pushboolean(lua, 0);
    lua_setfield(lua, -2, "__metatable");
    lua_setmetatable(lua, -2);
  }

  void push_expect(lua_State* lua) {
    lua_newtable(lua);
    for (std::size_t i = 0; i < std::size(expectations); ++i) {
      lua_pushlightuserdata(lua, this);
      lua_pushinteger(lua, static_cast<lua_Integer>(i));
      lua_pushcclosure(lua, &expect, 2);
      lua_setfield(lua, -2, expectations[i].name);
    }
    set_strict(lua, "there is no expectation");
  }

  void push_outcome_type(lua_State* lua) {
    luaL_newmetatable(lua, outcome_type);
    lua_newtable(lua);
    const luaL_Reg methods[] = {{"by", &holds<&by>},
                                {"with", &holds<&with>},
                                {"says", &holds<&says>},
                                {"sealed", &holds<&sealed>},
                                {"tagged", &holds<&tagged>},
                                {"recorded", &holds<&recorded>},
                                {"notified", &holds<&notified>},
                                {"stripped", &holds<&stripped>},
                                {"disconnected", &disconnected},
                                {"unsubscribed", &unsubscribed},
                                {"waits", &waits},
                                {"quiet", &quiet},
                                {"limited", &limited},
                                {"delayed", &delayed},
                                {"at_once", &at_once},
                                {"keeps", &keeps},
                                {nullptr, nullptr}};
    lua_pushlightuserdata(lua, this);
    luaL_setfuncs(lua, methods, 1);
    set_strict(lua, "there is no expectation");
    lua_setfield(lua, -2, "__index");
    lua_pushboolean(lua, 0);
    lua_setfield(lua, -2, "__metatable");
    lua_pop(lua, 1);
  }

  const std::string path_;
  PolicyOptions options_;
  config::Sandbox sandbox_;
  bool loading_ = true;
  std::string policy_name_, policy_text_;  // of the tests that come now
  std::vector<Test> tests_;
  // -- of the running test
  std::unique_ptr<PolicySet> rules_;
  std::int64_t now_ms_ = 0;
  std::size_t events_ = 0;
  Outcome last_;
  bool on_trial_ = false;
};

}  // namespace

TestRun run_test_file(const std::string& path, const PolicyOptions& options) { return Runner(path, options).run(); }

}  // namespace valise::policy
