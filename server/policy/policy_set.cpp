#include "policy/policy_set.hpp"

#include <fmt/core.h>

#include <lua.hpp>

#include "base/log.hpp"
#include "config/secret_file.hpp"
#include "policy/state.hpp"

namespace valise::policy {
namespace {

constexpr std::int64_t log_interval_ms = 10'000;

constexpr StanzaError failed_error{"internal-server-error", "cancel"};
constexpr std::string_view failed_fr =
    "Une règle de ce serveur a échoué, la demande est donc refusée. Prévenez votre administrateur.";
constexpr std::string_view failed_en =
    "A rule of this server failed, so this was refused. Please tell your administrator.";

// A Lua function as a matcher: true-ish results match.
class LuaMatcher final : public Matcher {
 public:
  LuaMatcher(PolicySet::State& state, int function, unsigned line)
      : Matcher(lua_weight), state_(state), function_(function), line_(line) {}
  bool matches(Context& context) const override {
    if (context.failed || !state_.call(function_, context)) return false;
    lua_State* lua = state_.sandbox.state();
    const bool matched = lua_toboolean(lua, -1) != 0;
    lua_pop(lua, 1);
    return matched;
  }
  std::string describe() const override { return fmt::format("function(line {})", line_); }
  bool pure() const override { return false; }
  Shape shape() const override { return Shape::function; }

 private:
  static constexpr std::uint32_t lua_weight = 50;  // about so many native ones
  PolicySet::State& state_;
  int function_;
  unsigned line_;
};

// A Lua function as an action: it returns nothing (go on) or an action that was built while the file was loaded.
class LuaAction final : public Action {
 public:
  LuaAction(PolicySet::State& state, int function, unsigned line) : state_(state), function_(function), line_(line) {}
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
        fmt::format("{}:{}: an action's function returns nothing or an action, not a {}", state_.name, line_, what));
    return Next::done;
  }
  std::string describe() const override { return fmt::format("function(line {})", line_); }
  bool native() const override { return false; }

 private:
  PolicySet::State& state_;
  int function_;
  unsigned line_;
};

}  // namespace

MatcherPtr make_lua_matcher(PolicySet::State& state, int function, unsigned line) {
  state.counts_unknown_devices = true;
  return std::make_unique<LuaMatcher>(state, function, line);
}
ActionPtr make_lua_action(PolicySet::State& state, int function, unsigned line) {
  state.counts_unknown_devices = true;
  return std::make_unique<LuaAction>(state, function, line);
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
  lua_rawgeti(lua, LUA_REGISTRYINDEX, function);
  lua_rawgeti(lua, LUA_REGISTRYINDEX, facts_reference);
  const auto done = sandbox.call(1, 1,
                                 {.instructions = options.budgets.call_instructions,
                                  .memory = options.budgets.call_memory,
                                  .wall_us = options.budgets.decide_us});
  facts = nullptr;
  decision = nullptr;
  if (done) return true;
  context.overran = done.error().overrun != config::Overrun::none;
  if (context.overran) ++counters.overruns;
  // The text may hold what a user sent (error(m.from)): cut and escaped before it is kept.
  context.fail(PolicyError{name, done.error().line, log::printable(done.error().text)}.message());
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

void PolicySet::State::try_out(Rule& rule, Context& context) const {
  Decision copy = context.decision;
  Context trial{.facts = context.facts,
                .decision = copy,
                .clock_runs = context.clock_runs,
                .only_looks = context.only_looks,
                .why = {}};
  for (const auto* action : rule.actions) {
    if (action->run(trial) == Next::done || trial.failed) break;
  }
  context.clock_runs = trial.clock_runs;
  if (trial.failed) {
    context.overran = trial.overran;
    context.fail(std::move(trial.why));
    return;
  }
  if (copy.verdict == Verdict::allow) return;
  ++rule.troubles.would_refuse;
  if (!context.decision.shadow.empty()) return;
  context.decision.shadow = rule.name;
  context.decision.shadow_verdict = copy.verdict;
}

void PolicySet::State::note_error(Rule& rule, Context& context) {
  ++rule.errors;
  ++counters.errors;
  last_error = std::move(context.why);
  auto& troubles = rule.troubles;
  troubles.last_error = last_error;
  if (!std::exchange(context.overran, false)) return;
  const auto now_ms = context.facts.now_ms;
  if (now_ms - troubles.last_overrun_ms > Troubles::gap_ms) troubles.in_bout = 0;
  troubles.last_overrun_ms = now_ms;
  ++troubles.overruns;
  if (++troubles.in_bout == Troubles::bout && watcher == nullptr) {
    log::warning("policy", "rule \"{}\" ({}:{}) overruns its budget again and again: {}", rule.name, name, rule.line,
                 last_error);
  }
}

std::string PolicyError::message() const {
  return line == 0 ? fmt::format("{}: {}", file, text) : fmt::format("{}:{}: {}", file, line, text);
}

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
  return load(*source, path, options);
}

PolicySet::Loaded PolicySet::load(std::string_view source, const std::string& name, const PolicyOptions& options) {
  auto state = std::make_unique<State>(name, options);
  auto& sandbox = state->sandbox;
  const auto failed = [&](const config::LuaError& error) {
    return std::unexpected(PolicyError{name, error.line, error.text});
  };
  make_facts_object(*state);
  push_environment(*state);
  if (auto compiled = sandbox.compile(source); !compiled) return failed(compiled.error());
  sandbox.start_load_clock(options.budgets.load_us);
  // The clock bounds loading; instructions only keep it finite should the clock stand still.
  const config::Budget budget{.instructions = 10'000'000'000, .memory = 0, .wall_us = options.budgets.load_us};
  if (auto done = sandbox.call(0, 0, budget); !done) return failed(done.error());
  state->loading = false;
  lua_gc(sandbox.state(), LUA_GCCOLLECT);
  lua_gc(sandbox.state(), LUA_GCSTOP);  // from here on between calls only (Sandbox::collect)
  return std::unique_ptr<PolicySet>(new PolicySet(std::move(state)));
}

bool PolicySet::concerns(Event event, Direction direction) const noexcept {
  const EventMask mask = mask_of(event) & mask_of(direction);
  return std::ranges::any_of(state_->rules, [mask](const Rule& rule) { return (rule.events & mask) != 0; });
}

Decision PolicySet::decide(const Facts& facts) {
  State& state = *state_;
  ++state.counters.decisions;
  Decision decision;
  Context context{.facts = facts, .decision = decision, .only_looks = state.watcher != nullptr};
  const EventMask event = mask_of(facts.event) & mask_of(facts.direction);
  for (Rule& rule : state.rules) {
    if ((rule.events & event) == 0) continue;
    bool done = false;
    const bool matched = state.watcher == nullptr ? rule.match->matches(context) : state.watcher->match(rule, context);
    if (matched && !context.failed) {
      ++rule.hits;
      ++decision.matched;
      if (rule.logs && state.may_log(facts.now_ms)) {
        log::info("policy", "rule \"{}\" matched, {} times so far", rule.name, rule.hits);
      }
      if (rule.shadow) {
        state.try_out(rule, context);
      } else {
        for (const auto* action : rule.actions) {
          done = action->run(context) == Next::done;
          if (done || context.failed) break;
        }
      }
    }
    if (context.failed) {
      state.note_error(rule, context);
      if (rule.shadow) {  // on trial: it decides nothing, not even by failing
        context.failed = false;
        continue;
      }
      decision.verdict = Verdict::deny;
      decision.reason = Reason::policy_failed;
      decision.error = failed_error;
      decision.text_fr = failed_fr;
      decision.text_en = failed_en;
      decision.rule = rule.name;
      if (state.may_log(facts.now_ms)) {
        log::error("policy", "rule \"{}\" failed, denied: {} ({} lines of policies not shown)", rule.name,
                   state.last_error, std::exchange(state.unlogged, 0));
      }
      break;
    }
    if (done) {
      decision.reason = Reason::rule;
      decision.rule = rule.name;
      break;
    }
  }
  if (decision.verdict == Verdict::deny) ++state.counters.denied;
  if (decision.verdict == Verdict::drop) ++state.counters.dropped;
  if (state.lua_ran) {
    state.lua_ran = false;
    state.sandbox.collect();
  }
  return decision;
}

std::vector<RuleInfo> PolicySet::describe(std::int64_t now_ms) const {
  std::vector<RuleInfo> out;
  for (const auto& rule : state_->rules) {
    std::string actions;
    for (const auto* action : rule.actions) actions += (actions.empty() ? "" : ", ") + action->describe();
    const auto& troubles = rule.troubles;
    out.push_back({.name = rule.name,
                   .line = rule.line,
                   .match = rule.match->describe(),
                   .action = std::move(actions),
                   .shadow = rule.shadow,
                   .hits = rule.hits,
                   .errors = rule.errors,
                   .would_refuse = troubles.would_refuse,
                   .overruns = troubles.overruns,
                   .overruns_now = troubles.is_bout(now_ms),
                   .last_error = troubles.last_error});
  }
  return out;
}

bool PolicySet::counts_unknown_devices() const noexcept { return state_->counts_unknown_devices; }
const PolicyCounters& PolicySet::counters() const noexcept { return state_->counters; }
const std::string& PolicySet::last_error() const noexcept { return state_->last_error; }

}  // namespace valise::policy
