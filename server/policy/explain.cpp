#include "policy/explain.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <ranges>

#include "policy/fact_names.hpp"
#include "policy/state.hpp"

namespace valise::policy {
namespace {

constexpr std::size_t most_looks = 2000;  // of one rule; a matcher has up to 10,000 parts

class Explainer final : public Watcher {
 public:
  Explainer(const PolicySet::State& state, const Facts& facts) : state_(state), facts_(facts) {}

  bool match(const Rule& rule, Context& context) override {
    auto& now = begin(rule);
    looks_ = &now.looks;
    const bool matched = look(*rule.match, context, 0);
    now.result = context.failed ? TriedRule::Result::failed
                 : matched      ? TriedRule::Result::matched
                                : TriedRule::Result::no;
    now.why = context.why;
    return matched;
  }
  void passes(const Rule& rule) override { begin(rule); }

  // Rules of the chains that were gone through which nobody came to.
  [[nodiscard]] std::size_t not_tried() const {
    std::vector<bool> entered(state_.chains.size()), seen(state_.rules.size());
    entered[0] = true;
    for (const auto* rule : begun_) {
      entered[rule->chain] = true;
      seen[static_cast<std::size_t>(rule - state_.rules.data())] = true;
    }
    std::size_t out = 0;
    for (std::size_t i = 0; i < state_.rules.size(); ++i) out += entered[state_.rules[i].chain] && !seen[i] ? 1 : 0;
    return out;
  }

  std::vector<TriedRule> tried;

 private:
  TriedRule& begin(const Rule& rule) {
    std::string actions;
    for (const auto* action : rule.actions) actions += (actions.empty() ? "" : ", ") + action->describe();
    begun_.push_back(&rule);
    return tried.emplace_back(TriedRule{.name = rule.name,
                                        .line = rule.place.line,
                                        .file = rule.place.file == 0 ? "" : state_.files[rule.place.file].name,
                                        .chain = state_.chains[rule.chain].name,
                                        .shadow = rule.shadow,
                                        .action = std::move(actions),
                                        .why = {},
                                        .looks = {}});
  }

  // Evaluates as the matchers themselves do: left to right, ending where the result is known.
  bool look(const Matcher& matcher, Context& context, unsigned depth) {
    const auto at = note(matcher, depth);
    bool held = false;
    switch (matcher.shape()) {
      case Shape::all:
      case Shape::any:
        held = combine(matcher, context, depth);
        break;
      case Shape::negation:
        held = !look(*matcher.parts().front(), context, depth + 1);
        break;
      case Shape::leaf:
      case Shape::always:
      case Shape::function:
        held = matcher.matches(context);
        break;
    }
    if (at < looks_->size()) {
      (*looks_)[at].held = held ? Held::yes : Held::no;
      const auto fact = matcher.fact();
      const auto text = fact.empty() ? std::string() : fact_text(fact, facts_, context.decision);
      if (!text.empty()) (*looks_)[at].saw = fmt::format("{} is {}", fact, text);
    }
    return held;
  }

  // `a * b * c` is ((a * b) * c): shown as three parts.
  bool combine(const Matcher& matcher, Context& context, unsigned depth) {
    const bool ends_at = matcher.shape() == Shape::any;
    bool held = !ends_at;
    for (const auto* part : matcher.parts()) {
      const bool same = part->shape() == matcher.shape();
      if (held == ends_at) {
        pass_over(*part, matcher.shape(), depth + 1);
      } else {
        held = same ? combine(*part, context, depth) : look(*part, context, depth + 1);
      }
    }
    return held;
  }

  void pass_over(const Matcher& matcher, Shape within, unsigned depth) {
    if (matcher.shape() != within) {
      note(matcher, depth);
      return;
    }
    for (const auto* part : matcher.parts()) pass_over(*part, within, depth);
  }

  std::size_t note(const Matcher& matcher, unsigned depth) {
    if (looks_->size() >= most_looks) return most_looks;
    looks_->push_back({.depth = depth, .matcher = matcher.describe(), .saw = {}});
    return looks_->size() - 1;
  }

  const PolicySet::State& state_;
  const Facts& facts_;
  std::vector<const Rule*> begun_;
  std::vector<Look>* looks_ = nullptr;
};

// What counts is as it was before, whatever happens in between.
class Untouched {
 public:
  explicit Untouched(PolicySet::State& state)
      : state_(state), counters_(state.counters), last_error_(state.last_error) {
    for (const auto& rule : state.rules) counts_.emplace_back(rule.hits, rule.errors, rule.troubles);
  }
  ~Untouched() {
    state_.watcher = nullptr;
    state_.counters = counters_;
    state_.last_error = std::move(last_error_);
    for (std::size_t i = 0; i < counts_.size(); ++i) {
      auto& rule = state_.rules[i];
      std::tie(rule.hits, rule.errors, rule.troubles) = std::move(counts_[i]);
    }
  }
  Untouched(const Untouched&) = delete;
  Untouched& operator=(const Untouched&) = delete;

 private:
  PolicySet::State& state_;
  PolicyCounters counters_;
  std::string last_error_;
  std::vector<std::tuple<std::uint64_t, std::uint64_t, Troubles>> counts_;
};

// Sees whether a rule asks for what is not known.
class Onlooker final : public Watcher {
 public:
  explicit Onlooker(std::span<const std::string_view> unknown) : unknown_(unknown) {}
  bool match(const Rule& rule, Context& context) override {
    look(*rule.match);
    return rule.match->matches(context);
  }
  void reads(std::string_view fact) override {
    uncertain = uncertain || std::ranges::find(unknown_, fact) != unknown_.end();
  }

  bool uncertain = false;

 private:
  void look(const Matcher& matcher) {
    for (const auto fact : matcher.needs()) reads(fact);
    for (const auto* part : matcher.parts()) look(*part);
  }

  std::span<const std::string_view> unknown_;
};

}  // namespace

std::optional<Verdict> foresee(PolicySet& set, const Facts& facts, std::span<const std::string_view> unknown) {
  auto& state = set.state();
  const Untouched untouched(state);
  Onlooker onlooker(unknown);
  state.watcher = &onlooker;
  const auto verdict = set.decide(facts).verdict;
  return onlooker.uncertain ? std::nullopt : std::optional(verdict);
}

Explanation explain(PolicySet& set, const Facts& facts) {
  auto& state = set.state();
  const Untouched untouched(state);
  Explainer explainer(state, facts);
  state.watcher = &explainer;
  const auto decision = set.decide(facts);
  Explanation out;
  out.file = state.name;
  out.verdict = decision.verdict;
  out.reason = decision.reason;
  out.rule = decision.rule;
  out.condition = decision.error.condition;
  out.text_fr = decision.text_fr;
  out.text_en = decision.text_en;
  out.seal = decision.seal;
  for (const auto tag : decision.added_tags()) out.tags.emplace_back(tag);
  out.pause = decision.pause;
  out.not_tried = explainer.not_tried();
  out.tried = std::move(explainer.tried);
  for (const auto& rule : state.rules) {
    if (rule.name != out.rule) continue;
    out.file = state.files[rule.place.file].path;
    out.line = rule.place.line;
    out.chain = state.chains[rule.chain].name;
  }
  if (decision.reason != Reason::policy_failed) return out;
  for (auto& failed : out.tried | std::views::reverse) {  // its matcher, or one of its actions
    if (failed.name != out.rule) continue;
    failed.result = TriedRule::Result::failed;
    failed.why = state.last_error;
    break;
  }
  return out;
}

}  // namespace valise::policy
