#include "policy/partial.hpp"

#include <algorithm>

#include "policy/state.hpp"

namespace valise::policy {
namespace {

enum class Truth : std::uint8_t { no, yes, unknown };

Truth opposite(Truth truth) { return truth == Truth::unknown ? truth : truth == Truth::yes ? Truth::no : Truth::yes; }

}  // namespace

class PartialDecider::Engine final : public Watcher {
 public:
  explicit Engine(PolicySet& set) : state_(set.state()) {
    state_.watcher = this;
    for (const auto& rule : state_.rules) {
      counts_.push_back({.name = rule.name, .line = rule.place.line, .shadow = rule.shadow, .needs = {}});
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
    possible_ = 0;
    depth_ = 0;
    rule_ = PartialDecision::none;
    missing_.clear();
    state_.groups.refresh(*state_.options.live);
    Decision decision;
    Context context{.facts = facts, .decision = decision, .event = exact_event(facts.event, facts.type, facts.payload)};
    const bool ends = walk(0, context, true) == Truth::yes;
    PartialDecision out;
    if (ends) out.rule = rule_;
    out.verdict = decision.verdict;
    out.certain = (possible_ & ~bit(decision.verdict)) == 0;
    for (const auto tag : decision.added_tags()) out.tags.push_back(tag);
    if (out.certain && out.verdict == Verdict::allow && !decision.paused_by.empty()) {
      const auto rule = std::ranges::find(counts_, decision.paused_by, &PartialRule::name);
      out.delayed_by = static_cast<std::size_t>(rule - counts_.begin());
    }
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
    std::vector<std::string_view> facts;  // that have to be known for it
    std::vector<std::size_t> parts;
  };
  // What a rule does: `yes`: it decides; `no`: it goes on; `unknown`: one of `verdicts`, or it goes on.
  struct Effect {
    Truth truth = Truth::no;
    unsigned verdicts = 0;
    bool failed = false;
    bool by_chain = false;  // a rule of a chain decides
    bool delays = false;    // it holds the event back, if it matches, which is not known
    bool leaves = false;    // where it does not decide: the rest of its chain is not asked
  };
  static constexpr unsigned deepest = 32;  // as a decision's

  static unsigned bit(Verdict verdict) { return 1u << static_cast<unsigned>(verdict); }
  static constexpr unsigned any_verdict = 7;

  std::size_t add(const Matcher& matcher) {
    std::vector<std::size_t> parts;
    for (const auto* part : matcher.parts()) parts.push_back(add(*part));
    nodes_.push_back({&matcher, matcher.shape(), matcher.needs(), std::move(parts)});
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
    const auto known = missing_.size();
    if (node.facts.empty()) need("other facts");
    bool unknown = node.facts.empty();
    for (const auto fact : node.facts) {
      if (!is_unknown(fact)) continue;
      unknown = true;
      need(fact);
    }
    if (!unknown) return node.matcher->matches(context) ? Truth::yes : Truth::no;
    // A tag that was given in this decision is there, whatever the session carries.
    if (node.matcher->fact() == "tag" && node.matcher->matches(context)) {
      missing_.resize(known);
      return Truth::yes;
    }
    return Truth::unknown;
  }

  // Whether the decision surely ends in that chain; `sure`: it surely comes here. What may be decided on the way is
  // added to possible_.
  Truth walk(std::uint32_t chain, Context& context, bool sure) {
    const EventMask event = mask_of(context.event) & mask_of(context.facts.direction);
    auto out = Truth::no;
    auto why = missing_;  // it is not sure that the next rule is asked
    for (const auto number : state_.chains[chain].rules) {
      const auto& rule = state_.rules[number];
      if ((rule.events & event) == 0) continue;
      missing_.clear();
      auto truth = look(roots_[number], context);
      if (context.failed) truth = Truth::yes;  // it fails closed
      if (truth == Truth::no) continue;
      if (!sure) {
        truth = Truth::unknown;
        for (const auto fact : why) need(fact);
      }
      const auto effect = act(rule, context, truth);
      context.failed = false;  // that was the decision
      count(counts_[number], effect);
      if (rule.shadow) continue;
      if (effect.truth == Truth::yes) {
        if (!effect.by_chain) rule_ = number;
        return Truth::yes;
      }
      if (effect.truth == Truth::unknown) {
        possible_ |= effect.verdicts;
        out = Truth::unknown;
      }
      if (!effect.leaves) continue;
      if (truth == Truth::yes) break;
      sure = false;
      for (const auto fact : missing_) {
        if (std::ranges::find(why, fact) == why.end()) why.push_back(fact);
      }
    }
    return out;
  }

  // What is not sure, and what is on trial, leaves no trace in the decision, in limiters or in memories.
  Effect act(const Rule& rule, Context& context, Truth truth) {
    if (truth == Truth::yes && !rule.shadow) {
      auto effect = run(rule, context, true);
      effect.delays = false;  // which is sure
      return effect;
    }
    Decision copy = context.decision;
    Context trial{.facts = context.facts,
                  .decision = copy,
                  .event = context.event,
                  .failed = context.failed,
                  .clock_runs = context.clock_runs,
                  .only_looks = true};
    const auto possible = possible_;
    const auto decided_by = rule_;
    trials_ += rule.shadow ? 1 : 0;
    auto effect = run(rule, trial, truth == Truth::yes);
    trials_ -= rule.shadow ? 1 : 0;
    rule_ = decided_by;
    if (rule.shadow) possible_ = possible;
    context.failed = false;
    context.clock_runs = trial.clock_runs;
    if (truth == Truth::unknown && effect.truth == Truth::yes) effect.truth = Truth::unknown;
    if (truth == Truth::yes) effect.delays = false;  // of one on trial
    return effect;
  }

  Effect run(const Rule& rule, Context& context, bool sure) {
    const auto known = missing_.size();
    const auto pause = context.decision.pause;
    Effect out;
    for (const auto* action : rule.actions) {
      if (context.failed) break;
      const auto next = action->run(context);
      if (missing_.size() != known) {  // a function as an action: it may have returned another
        context.failed = false;
        context.decision.verdict = Verdict::allow;
        return {.truth = Truth::unknown, .verdicts = any_verdict};
      }
      if (context.failed) break;
      context.decision.note_asked(rule.name);
      if (next == Next::done) {
        out.truth = Truth::yes;
        break;
      }
      if (next == Next::leave) {
        out.leaves = true;
        break;
      }
      if (next != Next::jump) continue;
      const auto inside = enter(context, sure && out.truth == Truth::no);
      if (context.failed) break;
      if (inside == Truth::no) continue;
      out.truth = inside;
      out.by_chain = true;
      if (inside == Truth::yes) break;
    }
    if (context.failed) {
      context.decision.verdict = Verdict::deny;
      return {.truth = Truth::yes, .verdicts = bit(Verdict::deny), .failed = true};
    }
    if (out.truth != Truth::unknown) out.verdicts = bit(context.decision.verdict);  // else the chain has told
    out.delays = context.decision.pause != pause;
    return out;
  }

  Truth enter(Context& context, bool sure) {
    if (depth_ == deepest) {
      context.fail("more chains within each other than a decision goes through");
      return Truth::no;
    }
    const auto missing = missing_;
    ++depth_;
    const auto out = walk(context.jump, context, sure);
    --depth_;
    missing_ = missing;
    return out;
  }

  void count(PartialRule& rule, const Effect& effect) const {
    // What a chain decides is counted there, and nothing of a chain that a rule on trial goes through.
    if (trials_ != 0 || (effect.by_chain && !rule.shadow)) return;
    if (effect.failed) ++rule.failed;
    if (effect.truth == Truth::yes && !(effect.failed && rule.shadow)) {
      ++(effect.verdicts == bit(Verdict::allow) ? rule.allowed : rule.refused);
    }
    if (effect.truth != Truth::unknown && !effect.delays) return;
    ++rule.undecidable;
    for (const auto fact : missing_) {
      if (std::ranges::find(rule.needs, fact) == rule.needs.end()) rule.needs.emplace_back(fact);
    }
  }

  PolicySet::State& state_;
  std::vector<Node> nodes_;
  std::vector<std::size_t> roots_;  // by rule
  std::vector<PartialRule> counts_;
  // -- of the running decision
  const std::vector<std::string_view>* unknown_ = nullptr;
  unsigned possible_ = 0;  // verdicts of rules that may decide
  std::size_t rule_ = PartialDecision::none;
  unsigned depth_ = 0, trials_ = 0;
  std::vector<std::string_view> missing_;  // what the running rule would have needed
};

PartialDecider::PartialDecider(PolicySet& set) : engine_(std::make_unique<Engine>(set)) {}
PartialDecider::~PartialDecider() = default;
PartialDecision PartialDecider::decide(const Facts& facts, const std::vector<std::string_view>& unknown) {
  return engine_->decide(facts, unknown);
}
std::vector<PartialRule> PartialDecider::rules() const { return engine_->rules(); }

}  // namespace valise::policy
