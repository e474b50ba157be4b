// What a policy says that cannot be what its author meant, and is no error.
#include <fmt/core.h>

#include <unordered_set>

#include "base/clock.hpp"
#include "policy/check.hpp"
#include "policy/opening.hpp"
#include "policy/question.hpp"
#include "policy/state.hpp"

namespace valise::policy {
namespace {

constexpr std::size_t most_oddities = 20;

void add_idle_matchers(const PolicySet::State& state, std::vector<PolicyError>& to) {
  std::unordered_set<const Matcher*> used;
  std::vector<const Matcher*> left;
  for (const auto& rule : state.rules) left.push_back(rule.match);
  for (const auto& action : state.actions) left.push_back(action->asks());
  for (const auto& matcher : state.matchers) left.insert(left.end(), matcher->parts().begin(), matcher->parts().end());
  while (!left.empty()) {
    const auto* one = left.back();
    left.pop_back();
    if (one != nullptr && used.insert(one).second) left.insert(left.end(), one->parts().begin(), one->parts().end());
  }
  for (std::size_t i = 0; i < state.matchers.size() && to.size() < most_oddities; ++i) {
    if (used.contains(state.matchers[i].get())) continue;
    to.push_back(state.error_at(
        state.matcher_places[i],
        fmt::format("{} belongs to no rule: `*` and `+` join matchers, Lua's `and` and `or` take one of the two",
                    state.matchers[i]->describe())));
  }
}

void add_idle_actions(const PolicySet::State& state, const Rule& rule, std::vector<PolicyError>& to) {
  const Action* end = nullptr;
  for (const auto* action : rule.actions) {
    const auto say = [&](const std::string& what) {
      if (to.size() >= most_oddities) return;
      to.push_back(state.error_at(rule.place, fmt::format("rule \"{}\": {} {}", rule.name, action->describe(), what)));
    };
    if (end != nullptr) {
      say(fmt::format("does nothing behind {}, which ends the decision", end->describe()));
      continue;
    }
    if (action->ends()) end = action;
    if (rule.events != 0 && (rule.events & action->events()) == 0)
      say("does nothing for the kinds of events that it matches");
    const auto* open = action->asks();
    if (open == nullptr) continue;
    const auto now = local_time(utc_now_ms() / 1000);
    if (!next_minute(*open, local_minute(now.day, now.minute_of_week))) {
      say(fmt::format("never ends: what it waits for does not come within {} days, so that the rule fails",
                      most_days_ahead));
    }
  }
}

}  // namespace

std::vector<PolicyError> find_oddities(const PolicySet& set) {
  std::vector<PolicyError> out;
  const auto& state = set.state();
  for (const auto& rule : state.rules) add_idle_actions(state, rule, out);
  add_idle_matchers(state, out);
  return out;
}

}  // namespace valise::policy
