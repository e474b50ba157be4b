#include "policy/policy_set.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <lua.hpp>

#include "base/log.hpp"
#include "config/nearest.hpp"
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
  state.want_all();
  return std::make_unique<LuaMatcher>(state, function, line);
}
ActionPtr make_lua_action(PolicySet::State& state, int function, unsigned line) {
  state.want_all();
  return std::make_unique<LuaAction>(state, function, line);
}

PolicySet::State::State(std::string file, const PolicyOptions& given)
    : name(std::move(file)), options(given), sandbox(given.budgets.heap) {
  if (!options.shared) options.shared = std::make_shared<Shared>();
}

std::expected<void, PolicyError> PolicySet::State::finish() {
  if (auto done = groups.resolve(name); !done) return done;
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
      return std::unexpected(PolicyError{name, jump->line,
                                         fmt::format("there is no chain \"{}\"{}", log::printable(jump->name),
                                                     config::nearest_hint(jump->name, names))});
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
        PolicyError{name, closing->line, fmt::format("the jump to \"{}\" closes a circle of chains", closing->name)});
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
  lua_rawgeti(lua, LUA_REGISTRYINDEX, function);
  lua_rawgeti(lua, LUA_REGISTRYINDEX, facts_reference);
  const auto done = sandbox.call(1, 1,
                                 {.instructions = options.budgets.call_instructions,
                                  .memory = options.budgets.call_memory,
                                  .wall_us = options.budgets.decide_us});
  facts = nullptr;
  decision = nullptr;
  if (done) return true;
  if (done.error().overrun != config::Overrun::none) ++counters.overruns;
  // The text may hold what a user sent (error(m.from)): cut and escaped before it is kept.
  context.fail(PolicyError{name, done.error().line, log::printable(done.error().text)}.message());
  return false;
}

bool PolicySet::State::may_log(std::int64_t now_ms) {
  if (logged_ms != 0 && now_ms - logged_ms < log_interval_ms && now_ms >= logged_ms) {
    ++unlogged;
    return false;
  }
  logged_ms = now_ms == 0 ? 1 : now_ms;
  return true;
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
    return std::unexpected(PolicyError{name, error.line, error.text});
  };
  make_facts_object(*state);
  push_environment(*state);
  if (auto compiled = sandbox.compile(source); !compiled) return failed(compiled.error());
  sandbox.start_load_clock(options.budgets.load_us);
  // The clock bounds loading; instructions only keep it finite should the clock stand still.
  const config::Budget budget{.instructions = 10'000'000'000, .memory = 0, .wall_us = options.budgets.load_us};
  if (auto done = sandbox.call(0, 0, budget); !done) return failed(done.error());
  if (auto done = state->finish(); !done) return std::unexpected(std::move(done.error()));
  state->loading = false;
  lua_gc(sandbox.state(), LUA_GCCOLLECT);
  lua_gc(sandbox.state(), LUA_GCSTOP);  // from here on between calls only (Sandbox::collect)
  return std::unique_ptr<PolicySet>(new PolicySet(std::move(state)));
}

namespace {

// One decision's way through the rules. A chain is a level deeper; at load no chain leads back to itself, but a Lua
// function may return a Jump.
class Run {
 public:
  Run(PolicySet::State& state, Context& context) : state_(state), context_(context) {}

  // True: the decision is made.
  bool try_rules(const std::vector<std::uint32_t>& rules) {
    const EventMask event = mask_of(context_.event) & mask_of(context_.facts.direction);
    for (const auto number : rules) {
      Rule& rule = state_.rules[number];
      if ((rule.events & event) == 0) continue;
      const auto next = try_rule(rule);
      if (context_.failed) {
        if (!fail(rule)) continue;
        return true;
      }
      if (next == Next::leave) return false;
      if (next == Next::jump) return true;  // the chain decided, and named its rule
      if (next != Next::done) continue;
      context_.decision.reason = Reason::rule;
      context_.decision.rule = rule.name;
      return true;
    }
    return false;
  }

 private:
  static constexpr unsigned deepest = 32;

  // jump: the decision was made in a chain.
  Next try_rule(Rule& rule) {
    if (!rule.match->matches(context_) || context_.failed) return Next::go_on;
    ++rule.hits;
    ++context_.decision.matched;
    if (rule.logs && state_.may_log(context_.facts.now_ms)) {
      log::info("policy", "rule \"{}\" matched, {} times so far", rule.name, rule.hits);
    }
    if (rule.shadow) return Next::go_on;
    for (const auto* action : rule.actions) {
      auto next = action->run(context_);
      if (context_.failed) return Next::done;
      if (next == Next::jump) next = enter(context_.jump) ? Next::jump : Next::go_on;
      if (context_.failed) return Next::done;
      if (next != Next::go_on) return next;
    }
    return Next::go_on;
  }

  bool enter(std::uint32_t chain) {
    if (depth_ == deepest) {
      context_.fail(fmt::format("{}: more than {} chains within each other", state_.name, deepest));
      return false;
    }
    ++depth_;
    const bool decided = try_rules(state_.chains[chain].rules);
    --depth_;
    return decided;
  }

  // False: the rule is on trial and decides nothing, not even by failing.
  bool fail(Rule& rule) {
    ++rule.errors;
    ++state_.counters.errors;
    state_.last_error = std::move(context_.why);
    context_.failed = false;
    if (rule.shadow) return false;
    auto& decision = context_.decision;
    decision.verdict = Verdict::deny;
    decision.reason = Reason::policy_failed;
    decision.error = failed_error;
    decision.text_fr = failed_fr;
    decision.text_en = failed_en;
    decision.rule = rule.name;
    if (state_.may_log(context_.facts.now_ms)) {
      log::error("policy", "rule \"{}\" failed, denied: {} ({} lines of policies not shown)", rule.name,
                 state_.last_error, std::exchange(state_.unlogged, 0));
    }
    return true;
  }

  PolicySet::State& state_;
  Context& context_;
  unsigned depth_ = 0;
};

}  // namespace

bool PolicySet::concerns(Event event, Direction direction) const noexcept {
  return !state_->by_event[2 * static_cast<std::size_t>(event) + static_cast<std::size_t>(direction)].empty();
}

Decision PolicySet::decide(const Facts& facts) {
  State& state = *state_;
  ++state.counters.decisions;
  Decision decision;
  Context context{.facts = facts, .decision = decision, .event = exact_event(facts.event, facts.type, facts.payload)};
  const auto bit = 2 * static_cast<std::size_t>(context.event) + static_cast<std::size_t>(facts.direction);
  Run(state, context).try_rules(state.by_event[bit]);
  if (decision.verdict == Verdict::deny) ++state.counters.denied;
  if (decision.verdict == Verdict::drop) ++state.counters.dropped;
  if (state.lua_ran) {
    state.lua_ran = false;
    state.sandbox.collect();
  }
  return decision;
}

std::vector<RuleInfo> PolicySet::describe() const {
  std::vector<RuleInfo> out;
  for (const auto& rule : state_->rules) {
    std::string actions;
    for (const auto* action : rule.actions) actions += (actions.empty() ? "" : ", ") + action->describe();
    out.push_back({rule.name, rule.line, rule.match->describe(), std::move(actions), rule.shadow, rule.hits,
                   rule.errors, state_->chains[rule.chain].name});
  }
  return out;
}

bool PolicySet::wants(Costly facts) const noexcept { return (state_->wanted >> static_cast<unsigned>(facts) & 1) != 0; }
const PolicyCounters& PolicySet::counters() const noexcept { return state_->counters; }
const std::string& PolicySet::last_error() const noexcept { return state_->last_error; }

}  // namespace valise::policy
