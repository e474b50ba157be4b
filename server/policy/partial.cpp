#include "policy/partial.hpp"

#include <algorithm>

#include "policy/state.hpp"

namespace valise::policy {
namespace {

enum class Truth : std::uint8_t { no, yes, unknown };

Truth opposite(Truth truth) {
  return truth == Truth::unknown ? truth : truth == Truth::yes ? Truth::no : Truth::yes;
}

}  // namespace

class PartialDecider::Engine final : public Watcher {
 public:
  explicit Engine(PolicySet& set) : state_(set.state()) {
    state_.watcher = this;
    for (const auto& rule : state_.rules) {
      counts_.push_back({.name = rule.name, .line = rule.line, .shadow = rule.shadow, .needs = {}});
      roots_.push_back(add(*rule.match));
    }
  }
  ~Engine() { state_.watcher = nullptr; }

  // A function reads a fact (lua_facts.cpp).
  void reads(std::string_view fact) override {
    if (is_unknown(fact)) need(fact);
  }

  PartialDecision decide(const Facts& facts, const std::vector<std::string_view>& unknown) {
    unknown_ = &unknown;
    Decision decision;
    Context context{.facts = facts, .decision = decision, .why = {}};
    PartialDecision out;
    unsigned possible = 0;  // verdicts of rules that may decide
    const EventMask event = mask_of(facts.event) & mask_of(facts.direction);
    for (std::size_t i = 0; i < state_.rules.size(); ++i) {
      const auto& rule = state_.rules[i];
      if ((rule.events & event) == 0) continue;
      missing_.clear();
      auto truth = look(roots_[i], context);
      if (context.failed) truth = Truth::yes;  // it fails closed
      if (truth == Truth::no) continue;
      const auto effect = act(rule, context, truth);
      count(counts_[i], effect);
      if (rule.shadow || effect.truth == Truth::no) continue;
      if (effect.truth == Truth::unknown) {
        possible |= effect.verdicts;
        continue;
      }
      out.rule = i;
      break;
    }
    out.verdict = decision.verdict;
    out.certain = (possible & ~bit(decision.verdict)) == 0;
    for (const auto tag : decision.added_tags()) out.tags.push_back(tag);
    if (state_.lua_ran) {
      state_.lua_ran = false;
      state_.sandbox.collect();
    }
    return out;
  }

  [[nodiscard]] const std::vector<PartialRule>& rules() const { return counts_; }

 private:
  // A matcher, laid out so that asking it again costs no look at its texts.
  struct Node {
    const Matcher* matcher;
    Shape shape;
    std::string_view fact;  // that has to be known for it
    std::vector<std::size_t> parts;
  };
  // What a rule does: `yes`: it decides; `no`: it goes on; `unknown`: one of `verdicts`, or it goes on.
  struct Effect {
    Truth truth = Truth::no;
    unsigned verdicts = 0;
    bool failed = false;
  };

  static unsigned bit(Verdict verdict) { return 1u << static_cast<unsigned>(verdict); }
  static constexpr unsigned any_verdict = 7;

  std::size_t add(const Matcher& matcher) {
    std::vector<std::size_t> parts;
    for (const auto* part : matcher.parts()) parts.push_back(add(*part));
    auto fact = matcher.fact();
    if (fact == "from" || fact == "to") {
      const auto values = matcher.values();
      const auto* addresses = values ? std::get_if<Addresses>(&*values) : nullptr;
      const bool whole = addresses == nullptr || !addresses->full.empty();
      if (whole) fact = fact == "from" ? "from_resource" : "to_resource";
    }
    nodes_.push_back({&matcher, matcher.shape(), fact, std::move(parts)});
    return nodes_.size() - 1;
  }

  [[nodiscard]] bool is_unknown(std::string_view fact) const {
    return std::ranges::find(*unknown_, fact) != unknown_->end();
  }
  void need(std::string_view fact) {
    if (std::ranges::find(missing_, fact) == missing_.end()) missing_.push_back(fact);
  }

  Truth look(std::size_t at, Context& context) {
    const auto& node = nodes_[at];
    switch (node.shape) {
      case Shape::always:
        return Truth::yes;
      case Shape::negation:
        return opposite(look(node.parts.front(), context));
      case Shape::all:
        return combine(node, context, Truth::no);
      case Shape::any:
        return combine(node, context, Truth::yes);
      case Shape::function: {
        const auto known = missing_.size();
        const bool held = node.matcher->matches(context);
        if (missing_.size() == known) return held ? Truth::yes : Truth::no;
        context.failed = false;  // by what it was not told
        return Truth::unknown;
      }
      case Shape::leaf:
        break;
    }
    return look_at_leaf(node, context);
  }

  // Left to right, ending where one part settles it. Behind an unknown part a Rate or a function may be reached or not,
  // so it is not asked: it would count.
  Truth combine(const Node& node, Context& context, Truth ends_at) {
    Truth out = opposite(ends_at);
    for (const auto part : node.parts) {
      if (out == Truth::unknown && !nodes_[part].matcher->pure()) continue;
      const auto truth = look(part, context);
      if (context.failed) return Truth::yes;
      if (truth == ends_at) return truth;
      if (truth == Truth::unknown) out = truth;
    }
    return out;
  }

  Truth look_at_leaf(const Node& node, Context& context) {
    if (node.fact.empty() || is_unknown(node.fact)) {
      // A tag that was given in this decision is there, whatever the session carries.
      if (node.fact == "tag" && node.matcher->matches(context)) return Truth::yes;
      need(node.fact.empty() ? std::string_view("other facts") : node.fact);
      return Truth::unknown;
    }
    return node.matcher->matches(context) ? Truth::yes : Truth::no;
  }

  Effect act(const Rule& rule, Context& context, Truth truth) {
    if (truth == Truth::yes && !rule.shadow) return run(rule, context);
    Decision copy = context.decision;
    Context trial{.facts = context.facts,
                  .decision = copy,
                  .failed = context.failed,
                  .clock_runs = context.clock_runs,
                  .why = {}};
    auto effect = run(rule, trial);
    context.failed = false;
    context.clock_runs = trial.clock_runs;
    if (truth == Truth::unknown && effect.truth == Truth::yes) effect.truth = Truth::unknown;
    return effect;
  }

  Effect run(const Rule& rule, Context& context) {
    const auto known = missing_.size();
    bool done = false;
    for (const auto* action : rule.actions) {
      if (done || context.failed) break;
      done = action->run(context) == Next::done;
    }
    if (missing_.size() != known) {  // a function as an action
      context.failed = false;
      context.decision.verdict = Verdict::allow;
      return {Truth::unknown, any_verdict, false};
    }
    if (context.failed) {
      context.decision.verdict = Verdict::deny;
      return {Truth::yes, bit(Verdict::deny), true};
    }
    return {done ? Truth::yes : Truth::no, bit(context.decision.verdict), false};
  }

  void count(PartialRule& rule, const Effect& effect) const {
    if (effect.failed) ++rule.failed;
    if (effect.truth == Truth::yes && !(effect.failed && rule.shadow)) {
      ++(effect.verdicts == bit(Verdict::allow) ? rule.allowed : rule.refused);
    }
    if (effect.truth != Truth::unknown) return;
    ++rule.undecidable;
    for (const auto fact : missing_) {
      if (std::ranges::find(rule.needs, fact) == rule.needs.end()) rule.needs.emplace_back(fact);
    }
  }

  PolicySet::State& state_;
  std::vector<Node> nodes_;
  std::vector<std::size_t> roots_;  // by rule
  std::vector<PartialRule> counts_;
  const std::vector<std::string_view>* unknown_ = nullptr;
  std::vector<std::string_view> missing_;  // what the running rule would have needed
};

PartialDecider::PartialDecider(PolicySet& set) : engine_(std::make_unique<Engine>(set)) {}
PartialDecider::~PartialDecider() = default;
PartialDecision PartialDecider::decide(const Facts& facts, const std::vector<std::string_view>& unknown) {
  return engine_->decide(facts, unknown);
}
std::vector<PartialRule> PartialDecider::rules() const { return engine_->rules(); }

}  // namespace valise::policy
