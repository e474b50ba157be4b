#include "policy/policy_set.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <lua.hpp>
#include <utility>

#include "base/log.hpp"
#include "config/nearest.hpp"
#include "config/secret_file.hpp"
#include "policy/state.hpp"

namespace valise::policy {
namespace {

constexpr std::int64_t log_interval_ms = 10'000;

std::string describe_function(const PolicySet::State& state, Place place) {
  if (place.file == 0) return fmt::format("function(line {})", place.line);
  return fmt::format("function({}:{})", state.files[place.file].name, place.line);
}

// A Lua function as a matcher: true-ish results match.
class LuaMatcher final : public Matcher {
 public:
  LuaMatcher(PolicySet::State& state, int function, Place place)
      : Matcher(lua_weight), state_(state), function_(function), place_(place) {}
  bool matches(Context& context) const override {
    if (context.failed || !state_.call(function_, context)) return false;
    lua_State* lua = state_.sandbox.state();
    const bool matched = lua_toboolean(lua, -1) != 0;
    lua_pop(lua, 1);
    return matched;
  }
  std::string describe() const override { return describe_function(state_, place_); }
  bool pure() const override { return false; }
  Shape shape() const override { return Shape::function; }

 private:
  static constexpr std::uint32_t lua_weight = 50;  // about so many native ones
  PolicySet::State& state_;
  int function_;
  Place place_;
};

// A Lua function as an action: it returns nothing (go on) or an action that was built while the file was loaded.
class LuaAction final : public Action {
 public:
  LuaAction(PolicySet::State& state, int function, Place place) : state_(state), function_(function), place_(place) {}
  Next run(Context& context) const override {
    if (!state_.call(function_, context)) return Next::done;
    lua_State* lua = state_.sandbox.state();
    const bool nothing = lua_isnil(lua, -1);
    const auto* made = static_cast<const Action* const*>(nothing ? nullptr : luaL_testudata(lua, -1, action_type));
    const Action* action = made == nullptr ? nullptr : *made;
    const std::string what = luaL_typename(lua, -1);
    lua_pop(lua, 1);
    if (nothing) return Next::go_on;
    if (action != nullptr && action->native()) return action->run(context);
    context.fail(
        state_.error_at(place_, fmt::format("an action's function returns nothing or an action, not a {}", what))
            .message());
    return Next::done;
  }
  std::string describe() const override { return describe_function(state_, place_); }
  bool native() const override { return false; }

 private:
  PolicySet::State& state_;
  int function_;
  Place place_;
};

}  // namespace

MatcherPtr make_lua_matcher(PolicySet::State& state, int function, Place place) {
  state.want_all();
  return std::make_unique<LuaMatcher>(state, function, place);
}
ActionPtr make_lua_action(PolicySet::State& state, int function, Place place) {
  state.want_all();
  return std::make_unique<LuaAction>(state, function, place);
}

PolicySet::State::State(std::string file, const PolicyOptions& given)
    : name(std::move(file)), options(given), sandbox(given.budgets.heap) {
  if (!options.shared) options.shared = std::make_shared<Shared>();
  if (!options.live) options.live = std::make_shared<LiveGroups>();
  files.push_back({name.substr(name.rfind('/') + 1), name});
}

PolicyError PolicySet::State::error_at(Place place, std::string text) const {
  // Who writes error("lua99:1: …") himself gets the policy's own name.
  return {files[place.file < files.size() ? place.file : 0].path, place.line, std::move(text)};
}

PolicyFiles& PolicySet::State::beside() {
  if (!options.files) options.files = std::make_shared<PolicyFiles>("");
  return *options.files;
}

std::expected<void, PolicyError> PolicySet::State::finish() {
  if (auto done = groups.resolve(); !done) {
    return std::unexpected(error_at(done.error().place, std::move(done.error().text)));
  }
  if (auto done = finish_chains(); !done) return done;
  for (std::uint32_t i = 0; i < rules.size(); ++i) {
    if (rules[i].chain != 0) continue;
    chains[0].rules.push_back(i);
    for (std::size_t bit = 0; bit < by_event.size(); ++bit) {
      if ((rules[i].events >> bit & 1) != 0) by_event[bit].push_back(i);
    }
  }
  return {};
}

// Jumps get their chain. Chains are gone through in depth: one that is met again below itself is a cycle.
std::expected<void, PolicyError> PolicySet::State::finish_chains() {
  std::vector<std::string_view> names;
  for (std::size_t i = 1; i < chains.size(); ++i) names.push_back(chains[i].name);
  for (auto& jump : jumps) {
    const auto found = std::ranges::find(names, jump->name);
    if (found == names.end()) {
      return std::unexpected(error_at(jump->place, fmt::format("there is no chain \"{}\"{}", log::printable(jump->name),
                                                               config::nearest_hint(jump->name, names))));
    }
    jump->chain = static_cast<std::uint32_t>(found - names.begin()) + 1;
  }
  enum class Seen : std::uint8_t { no, above, done };
  std::vector<Seen> seen(chains.size(), Seen::no);
  const JumpTo* closing = nullptr;
  const auto visit = [&](const auto& self, std::uint32_t at) -> bool {  // false: a cycle
    seen[at] = Seen::above;
    for (const auto number : chains[at].rules) {
      for (const auto* action : rules[number].actions) {
        const auto* jump = action->jump();
        if (jump == nullptr || seen[jump->chain] == Seen::done) continue;
        if (seen[jump->chain] == Seen::above || !self(self, jump->chain)) {
          if (closing == nullptr) closing = jump;
          return false;
        }
      }
    }
    seen[at] = Seen::done;
    return true;
  };
  for (std::uint32_t i = 1; i < chains.size(); ++i) {
    if (seen[i] != Seen::no || visit(visit, i)) continue;
    return std::unexpected(
        error_at(closing->place, fmt::format("the jump to \"{}\" closes a circle of chains", closing->name)));
  }
  return {};
}

bool PolicySet::State::call(int function, Context& context) {
  lua_State* lua = sandbox.state();
  if (!context.clock_runs) {
    sandbox.start_clock(options.budgets.decide_us);
    context.clock_runs = true;
  }
  lua_ran = true;
  ++counters.lua_calls;
  facts = &context.facts;
  decision = &context.decision;
  only_looks = context.only_looks;
  lua_rawgeti(lua, LUA_REGISTRYINDEX, function);
  lua_rawgeti(lua, LUA_REGISTRYINDEX, facts_reference);
  const auto done = sandbox.call(1, 1,
                                 {.instructions = options.budgets.call_instructions,
                                  .memory = options.budgets.call_memory,
                                  .wall_us = options.budgets.decide_us});
  facts = nullptr;
  decision = nullptr;
  only_looks = false;
  if (done) return true;
  context.overran = done.error().overrun != config::Overrun::none;
  if (context.overran) ++counters.overruns;
  // The text may hold what a user sent (error(m.from)): cut and escaped before it is kept.
  context.fail(error_at({done.error().line, done.error().chunk}, log::printable(done.error().text)).message());
  return false;
}

bool PolicySet::State::may_log(std::int64_t now_ms) {
  if (watcher != nullptr) return false;
  if (logged_ms != 0 && now_ms - logged_ms < log_interval_ms && now_ms >= logged_ms) {
    ++unlogged;
    return false;
  }
  logged_ms = now_ms == 0 ? 1 : now_ms;
  return true;
}

// "file:line: why"; where Lua knows no line (a stack that overflowed), that of the rule.
std::string PolicySet::State::with_place(const Rule& rule, std::string why) const {
  const auto end = why.find(": ");
  const auto place = std::string_view(why).substr(0, end == std::string::npos ? 0 : end);
  const auto digits = place.substr(place.rfind(':') + 1);
  const bool has_line =
      digits.size() < place.size() && digits.find_first_not_of("0123456789") == std::string_view::npos;
  if (has_line) return why;
  const bool has_file = std::ranges::find(files, place, &SourceFile::path) != files.end();
  return fmt::format("{}: {}", text_of(rule.place), has_file ? why.substr(end + 2) : why);
}

void PolicySet::State::note_error(Rule& rule, Context& context) {
  ++rule.errors;
  ++counters.errors;
  last_error = with_place(rule, std::move(context.why));
  auto& troubles = rule.troubles;
  troubles.last_error = last_error;
  if (!std::exchange(context.overran, false)) return;
  const auto now_ms = context.facts.now_ms;
  if (now_ms - troubles.last_overrun_ms > Troubles::gap_ms) troubles.in_bout = 0;
  troubles.last_overrun_ms = now_ms;
  ++troubles.overruns;
  if (++troubles.in_bout == Troubles::bout && watcher == nullptr) {
    log::warning("policy", "rule \"{}\" ({}) overruns its budget again and again: {}", rule.name, text_of(rule.place),
                 last_error);
  }
}

std::string PolicyError::place() const { return line == 0 ? file : fmt::format("{}:{}", file, line); }
std::string PolicyError::message() const { return fmt::format("{}: {}", place(), text); }

PolicySet::PolicySet(std::unique_ptr<State> state) : state_(std::move(state)) {}
PolicySet::~PolicySet() = default;

std::expected<std::string, PolicyError> PolicySet::read_file(const std::string& path) {
  auto source = config::read_trusted_file(path, config::Sandbox::max_source);
  if (source) return std::move(*source);
  auto text = source.error().text;
  if (text.starts_with(path + ": ")) text.erase(0, path.size() + 2);
  return std::unexpected(PolicyError{path, 0, std::move(text)});
}

PolicySet::Loaded PolicySet::load_file(const std::string& path, const PolicyOptions& options) {
  const auto source = read_file(path);
  if (!source) return std::unexpected(source.error());
  auto with_files = options;
  if (!with_files.files) with_files.files = std::make_shared<PolicyFiles>(PolicyFiles::folder_of(path));
  return load(*source, path, with_files);
}

std::string PolicyFiles::folder_of(const std::string& path) {
  const auto slash = path.rfind('/');
  return slash == std::string::npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
}

PolicySet::Loaded PolicySet::load(std::string_view source, const std::string& name, const PolicyOptions& options) {
  auto state = std::make_unique<State>(name, options);
  auto& sandbox = state->sandbox;
  const auto failed = [&](const config::LuaError& error) {
    auto& other = state->file_error;
    if (other && error.text.ends_with(other->message())) return std::unexpected(*other);
    return std::unexpected(state->error_at({error.line, error.chunk}, error.text));
  };
  make_facts_object(*state);
  push_environment(*state);
  if (auto compiled = sandbox.compile(source); !compiled) return failed(compiled.error());
  sandbox.start_load_clock(options.budgets.load_us);
  // The clock bounds loading; instructions only keep it finite should the clock stand still.
  const config::Budget budget{.instructions = 10'000'000'000, .memory = 0, .wall_us = options.budgets.load_us};
  if (auto done = sandbox.call(0, 0, budget); !done) return failed(done.error());
  if (state->unfinished != 0) {
    const auto half = std::ranges::find(state->files.rbegin(), state->files.rend() - 1, false, &SourceFile::done);
    return std::unexpected(state->error_at({}, fmt::format("\"{}\" was not read to its end", half->name)));
  }
  if (auto done = state->finish(); !done) return std::unexpected(std::move(done.error()));
  state->loading = false;
  lua_gc(sandbox.state(), LUA_GCCOLLECT);
  lua_gc(sandbox.state(), LUA_GCSTOP);  // from here on between calls only (Sandbox::collect)
  return std::unique_ptr<PolicySet>(new PolicySet(std::move(state)));
}

std::vector<RuleInfo> PolicySet::describe(std::int64_t now_ms) const {
  std::vector<RuleInfo> out;
  for (const auto& rule : state_->rules) {
    std::string actions;
    for (const auto* action : rule.actions) actions += (actions.empty() ? "" : ", ") + action->describe();
    const auto& troubles = rule.troubles;
    out.push_back({.name = rule.name,
                   .line = rule.place.line,
                   .file = state_->files[rule.place.file].path,
                   .match = rule.match->describe(),
                   .action = std::move(actions),
                   .shadow = rule.shadow,
                   .hits = rule.hits,
                   .errors = rule.errors,
                   .chain = state_->chains[rule.chain].name,
                   .would_refuse = troubles.would_refuse,
                   .overruns = troubles.overruns,
                   .overruns_now = troubles.is_bout(now_ms),
                   .last_error = troubles.last_error});
  }
  return out;
}

bool PolicySet::wants(Costly facts) const noexcept { return (state_->wanted >> static_cast<unsigned>(facts) & 1) != 0; }
std::vector<GroupInfo> PolicySet::groups() const { return state_->groups.infos(); }
const PolicyCounters& PolicySet::counters() const noexcept { return state_->counters; }
const std::string& PolicySet::last_error() const noexcept { return state_->last_error; }

}  // namespace valise::policy
