// One decision's way through the rules.
#include <fmt/core.h>

#include <utility>

#include "base/log.hpp"
#include "policy/state.hpp"

namespace valise::policy {
namespace {

constexpr StanzaError failed_error{"internal-server-error", "cancel"};
constexpr std::string_view failed_fr =
    "Une règle de ce serveur a échoué, la demande est donc refusée. Prévenez votre administrateur.";
constexpr std::string_view failed_en =
    "A rule of this server failed, so this was refused. Please tell your administrator.";

// A chain is a level deeper; at load no chain leads back to itself, but a Lua function may return a Jump.
class Run {
 public:
  // `trial`: of a rule in shadow, whose actions only show what they would do: nothing is counted.
  Run(PolicySet::State& state, Context& context, unsigned depth = 0, bool trial = false)
      : state_(state), context_(context), depth_(depth), trial_(trial) {}

  // True: the decision is made.
  bool try_rules(const std::vector<std::uint32_t>& rules) {
    const EventMask event = mask_of(context_.event) & mask_of(context_.facts.direction);
    for (const auto number : rules) {
      Rule& rule = state_.rules[number];
      if ((rule.events & event) == 0) {
        if (watcher() != nullptr) watcher()->passes(rule);
        continue;
      }
      const auto next = try_rule(rule);
      if (context_.failed) {
        if (trial_) return true;  // whoever tries it out says so
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

  // What a chain on trial sees is not part of the decision.
  [[nodiscard]] Watcher* watcher() const { return trial_ ? nullptr : state_.watcher; }

  // jump: the decision was made in a chain.
  Next try_rule(Rule& rule) {
    const bool matched = watcher() == nullptr ? passes(rule) : watcher()->match(rule, context_);
    if (!matched || context_.failed) return Next::go_on;
    if (trial_) return rule.shadow ? Next::go_on : act(rule);
    ++rule.hits;
    ++context_.decision.matched;
    if (rule.logs && state_.may_log(context_.facts.now_ms)) {
      log::info("policy", "rule \"{}\" matched, {} times so far", rule.name, rule.hits);
    }
    if (!rule.shadow) return act(rule);
    try_out(rule);
    return Next::go_on;
  }

  bool passes(const Rule& rule) {
    for (const auto* test : rule.tests) {
      if (!test->matches(context_)) return false;
    }
    return true;
  }

  Next act(const Rule& rule) {
    for (const auto* action : rule.actions) {
      auto next = action->run(context_);
      if (context_.failed) return Next::done;
      context_.decision.note_asked(rule.name);
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

  // A rule in shadow has matched: its actions run on a copy of the decision, and what they would have done is told.
  void try_out(Rule& rule) {
    Decision copy = context_.decision;
    Context trial{.facts = context_.facts,
                  .decision = copy,
                  .event = context_.event,
                  .clock_runs = context_.clock_runs,
                  .only_looks = true};
    (void)Run(state_, trial, depth_, true).act(rule);
    context_.clock_runs = trial.clock_runs;
    if (trial.failed) {
      context_.overran = trial.overran;
      context_.fail(std::move(trial.why));
      return;
    }
    if (copy.verdict == Verdict::allow && copy.pause == context_.decision.pause) return;
    ++rule.troubles.would_refuse;
    if (!context_.decision.shadow.empty()) return;
    context_.decision.shadow = rule.name;
    context_.decision.shadow_verdict = copy.verdict;
  }

  // False: the rule is on trial and decides nothing, not even by failing.
  bool fail(Rule& rule) {
    state_.note_error(rule, context_);
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
      const auto hidden = std::exchange(state_.unlogged, 0);
      log::error("policy", "rule \"{}\" failed, denied: {}{}", rule.name, state_.last_error,
                 hidden == 0 ? std::string() : fmt::format(" ({} more lines about policies were left out)", hidden));
    }
    return true;
  }

  PolicySet::State& state_;
  Context& context_;
  unsigned depth_;
  bool trial_;
};

}  // namespace

std::uint32_t PolicySet::fewest_keep_days() const noexcept { return state_->fewest_days; }

bool PolicySet::concerns(Event event, Direction direction) const noexcept {
  return !state_->by_event[2 * static_cast<std::size_t>(event) + static_cast<std::size_t>(direction)].empty();
}

Decision PolicySet::decide(const Facts& facts) {
  State& state = *state_;
  ++state.counters.decisions;
  state.groups.refresh(*state.options.live);
  Decision decision;
  Context context{.facts = facts,
                  .decision = decision,
                  .event = exact_event(facts.event, facts.type, facts.payload),
                  .only_looks = state.watcher != nullptr};
  const auto bit = 2 * static_cast<std::size_t>(context.event) + static_cast<std::size_t>(facts.direction);
  // Whoever watches wants to see those, too, that have no say.
  Run(state, context).try_rules(state.watcher == nullptr ? state.by_event[bit] : state.chains[0].rules);
  if (decision.verdict == Verdict::deny) ++state.counters.denied;
  if (decision.verdict == Verdict::drop) ++state.counters.dropped;
  if (state.lua_ran) {
    state.lua_ran = false;
    state.sandbox.collect();
  }
  return decision;
}

}  // namespace valise::policy
