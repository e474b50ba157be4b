// A matcher becomes alternatives (a disjunctive normal form), each a list of leaves that are wanted true or false. An
// alternative is dead where two of its leaves exclude each other, or where no kind of event has what it asks for; it is
// hidden where, for each kind and direction that is left to it, an earlier rule of its chain has an alternative that it
// implies. A chain's rules see only what some jump to it brings.
#include "policy/check.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <unordered_map>

#include "policy/api.hpp"
#include "policy/question.hpp"
#include "policy/state.hpp"

namespace valise::policy {
namespace {

constexpr std::size_t most_alternatives = 128;  // of one matcher; of larger ones nothing is proven
constexpr std::size_t most_leaves = 64;         // of one alternative

struct Literal {
  const Matcher* leaf;
  bool wanted;
};
using Alternative = std::vector<Literal>;
using Alternatives = std::vector<Alternative>;

std::string text_of(const Literal& literal) { return (literal.wanted ? "" : "-") + literal.leaf->describe(); }

std::optional<Alternatives> expand(const Matcher& matcher, bool wanted);

std::optional<Alternatives> all_of(std::span<const Matcher* const> parts, bool wanted) {
  Alternatives out{{}};
  for (const auto* part : parts) {
    const auto more = expand(*part, wanted);
    if (!more || out.size() * more->size() > most_alternatives) return std::nullopt;
    Alternatives product;
    for (const auto& left : out) {
      for (const auto& right : *more) {
        if (left.size() + right.size() > most_leaves) return std::nullopt;
        product.push_back(left);
        product.back().insert(product.back().end(), right.begin(), right.end());
      }
    }
    out = std::move(product);
  }
  return out;
}

std::optional<Alternatives> any_of(std::span<const Matcher* const> parts, bool wanted) {
  Alternatives out;
  for (const auto* part : parts) {
    auto more = expand(*part, wanted);
    if (!more || out.size() + more->size() > most_alternatives) return std::nullopt;
    std::ranges::move(*more, std::back_inserter(out));
  }
  return out;
}

// Nothing: too large. Matcher::max_depth bounds the recursion.
std::optional<Alternatives> expand(const Matcher& matcher, bool wanted) {
  switch (matcher.shape()) {
    case Shape::always:
      return wanted ? Alternatives{{}} : Alternatives{};
    case Shape::negation:
      return expand(*matcher.parts().front(), !wanted);
    case Shape::all:
      return wanted ? all_of(matcher.parts(), wanted) : any_of(matcher.parts(), wanted);
    case Shape::any:
      return wanted ? any_of(matcher.parts(), wanted) : all_of(matcher.parts(), wanted);
    case Shape::leaf:
    case Shape::function:
      break;
  }
  return Alternatives{{{&matcher, wanted}}};
}

// ---- what the kinds of events have, mostly as api.hpp's tables say. A cell is a kind and a direction.

constexpr bool asked_once(Event event) { return (at::outward & mask_of(event)) != 0; }

struct Cell {
  Event event;
  Direction direction;
  [[nodiscard]] EventMask mask() const { return mask_of(event) & mask_of(direction); }
};

std::vector<Cell> all_cells() {
  std::vector<Cell> cells;
  for (std::size_t i = 0; i < event_names.size(); ++i) {
    const auto event = static_cast<Event>(i);
    cells.push_back({event, Direction::out});
    if (!asked_once(event)) cells.push_back({event, Direction::in});
  }
  return cells;
}

// Where a fact is known; elsewhere it is "", 0 or false, or matches nothing.
EventMask known_at(std::string_view fact) {
  if (fact == "children" || fact == "roster_groups") return at::stanzas;
  if (fact == "to_self" || fact == "sealed_mode" || fact == "unsealed") return at::written;
  if (fact == "channel_binding") fact = "mechanism";
  if (fact.ends_with("_resource")) return at::anywhere;  // as FullAddress asks: an address is always there
  const auto fields = fact_fields();
  const auto found = std::ranges::find(fields, fact, &Field::name);
  return found == fields.end() ? at::anywhere : found->events;
}

bool is_known(std::string_view fact, Cell cell) {
  if (!events()[static_cast<std::size_t>(cell.event)].fires) return true;  // its facts are not settled yet
  // At the recipient the sender may be known or not.
  return (known_at(fact) & (cell.event == Event::unsealed ? mask_of(cell.event) : cell.mask())) != 0;
}

bool holds_unknown(std::string_view fact, const Values& values) {
  if (std::holds_alternative<Ranges>(values)) {
    return fact != "ip" && fact != "device_age" && !disjoint(values, Values(Ranges{{{0, 0}}}));
  }
  const auto none = fact == "omemo" ? Texts{{"none"}} : Texts{{"", "false"}};
  return !std::holds_alternative<Texts>(values) || !disjoint(values, Values(none));
}

// Values that the fact may have there; nothing: any. Sorted.
std::optional<Texts> texts_there(std::string_view fact, Cell cell) {
  using enum Event;
  if (fact == "payload" && cell.event == device) {
    return Texts{{"eu.siacs.conversations.axolotl.devicelist", "urn:xmpp:omemo:2:devices"}};
  }
  if (fact != "type") return std::nullopt;
  switch (cell.event) {
    case message:
      return Texts{{"chat", "error", "groupchat", "headline", "normal"}};
    case presence:
      return Texts{{"available", "error", "probe", "unavailable"}};
    case subscription:
      return Texts{{"subscribe", "subscribed", "unsubscribe", "unsubscribed"}};
    case iq:
      return Texts{{"error", "get", "result", "set"}};
    case publish:
    case device:
    case registration:
      return Texts{{"set"}};
    case login:
    case session:
      return Texts{{""}};
    case record: {
      Texts kinds{{record_kinds.begin(), record_kinds.end()}};
      std::ranges::sort(kinds.any_of);
      return kinds;
    }
    default:
      return std::nullopt;
  }
}

// One event has several of them.
bool is_many(std::string_view fact) { return fact == "tag" || fact == "children" || fact == "roster_groups"; }
// What was true of it at one rule need not be at another.
bool may_change(const Matcher& leaf) { return !leaf.pure() || leaf.fact() == "tag" || leaf.fact() == "memory"; }

class Checker {
 public:
  Checker(const PolicySet& set, std::size_t max_work) : state_(set.state()), work_left_(max_work) {}

  std::vector<PolicyError> run() {
    for (const auto& rule : state_.rules) expanded_.push_back(expand(*rule.match, true));
    for (std::uint32_t i = 0; i < state_.chains.size() && work_left_ > 0; ++i) look_at_chain(i);
    std::ranges::stable_sort(found_, {}, [](const Fault& one) { return std::pair(one.place.file, one.place.line); });
    std::vector<PolicyError> out;
    for (auto& one : found_) out.push_back(state_.error_at(one.place, std::move(one.text)));
    if (work_left_ == 0) out.push_back({state_.name, 0, "too many rules to compare them all: others may be hidden"});
    return out;
  }

 private:
  // ---- chains

  void look_at_chain(std::uint32_t number) {
    const auto& chain = state_.chains[number];
    jumps_ = jumps_to(number);
    if (jumps_ && jumps_->empty()) {
      found_.push_back({chain.place, fmt::format("chain \"{}\" can never act: nothing jumps to it", chain.name)});
      jumps_.reset();  // once is enough
    }
    for (std::size_t i = 0; i < chain.rules.size() && work_left_ > 0; ++i) look_at_rule(chain, i);
  }

  void look_at_rule(const Chain& chain, std::size_t place) {
    const auto& rule = state_.rules[chain.rules[place]];
    auto& mine = expanded_[chain.rules[place]];
    if (!mine) return;
    std::string why;
    std::erase_if(*mine, [&](const Alternative& one) { return is_dead(one, rule, why); });
    if (mine->empty()) {
      say(rule, why.empty() ? "its match is never true" : why);
      return;
    }
    std::erase_if(
        *mine, [&](const Alternative& one) { return (cells_of(one, asked_about(rule.events)) & brought(one)) == 0; });
    if (mine->empty()) {
      say(rule, fmt::format("no rule that jumps to chain \"{}\" matches what it matches", chain.name));
    } else {
      look_for_hiding(chain, place);
    }
  }

  struct Way {  // of a jump: what is true of each event that it brings, still at the chain's end
    Alternative known;
    EventMask cells;
  };
  // Nothing: everything may come there. Functions may return a Jump, large matchers are not looked into.
  std::optional<std::vector<Way>> jumps_to(std::uint32_t chain) {
    if (chain == 0) return std::nullopt;
    std::vector<Way> out;
    bool is_named = false;
    for (std::size_t i = 0; i < state_.rules.size(); ++i) {
      const auto& rule = state_.rules[i];
      const auto leads = [&](const Action* action) {
        return action->jump() != nullptr && action->jump()->chain == chain;
      };
      if (!std::ranges::all_of(rule.actions, &Action::native)) return std::nullopt;
      if (std::ranges::none_of(rule.actions, leads)) continue;
      is_named = true;
      if (!expanded_[i]) return std::nullopt;
      for (auto way : *expanded_[i]) {
        const auto cells = cells_of(way, asked_about(rule.events));
        std::erase_if(way, [](const Literal& one) { return may_change(*one.leaf); });
        out.push_back({std::move(way), cells});
      }
    }
    // All that jumps there is dead, and was reported.
    if (is_named && out.empty()) return std::nullopt;
    return out;
  }

  // The events that some jump brings to the chain and that `alternative` may be true of.
  EventMask brought(const Alternative& alternative) {
    if (!jumps_) return all_events;
    EventMask out = 0;
    for (const auto& way : *jumps_) {
      const auto against = [&](const Literal& mine) {
        return std::ranges::any_of(way.known, [&](const Literal& its) {
          spend(1);
          return exclude(its, mine) || exclude(mine, its);
        });
      };
      if ((way.cells & ~out) != 0 && std::ranges::none_of(alternative, against)) out |= way.cells;
    }
    return out;
  }

  void say(const Rule& rule, const std::string& why) {
    found_.push_back({rule.place, fmt::format("rule \"{}\" can never act: {}", rule.name, why)});
  }

  const std::optional<Values>& values(const Matcher& leaf) {
    auto [place, fresh] = values_.try_emplace(&leaf);
    if (fresh) {
      place->second = leaf.values();
      if (place->second) tidy(*place->second);
    }
    if (place->second) spend(size_of(*place->second));
    return place->second;
  }
  void spend(std::size_t work) { work_left_ -= std::min(work_left_, work + 1); }

  // ---- two leaves

  // `a` implies `b`, both true or false as wanted, of one event at one time.
  bool implies(const Literal& a, const Literal& b) {
    if (a.leaf == b.leaf) return a.wanted == b.wanted && a.leaf->pure();
    if (a.leaf->fact().empty() || a.leaf->fact() != b.leaf->fact()) return false;
    const auto &of_a = values(*a.leaf), &of_b = values(*b.leaf);
    if (!of_a || !of_b) return false;
    if (a.wanted == b.wanted) return a.wanted ? within(*of_a, *of_b) : within(*of_b, *of_a);
    return a.wanted && !is_many(a.leaf->fact()) && disjoint(*of_a, *of_b);
  }
  bool exclude(const Literal& a, const Literal& b) { return implies(a, {b.leaf, !b.wanted}); }

  // ---- one alternative

  EventMask cells_of(const Literal& literal) {
    const auto fact = literal.leaf->fact();
    if (fact == "kind" || fact == "direction") {
      const auto mask = literal.leaf->events();
      return literal.wanted ? mask : static_cast<EventMask>(~mask);
    }
    if (!literal.wanted || fact.empty()) return all_events;
    EventMask out = 0;
    for (const auto& cell : cells_) {
      if (can_be_true(*literal.leaf, cell)) out |= cell.mask();
    }
    return out;
  }

  bool can_be_true(const Matcher& leaf, Cell cell) {
    const auto fact = leaf.fact();
    const auto& of_leaf = values(leaf);
    if (!of_leaf) return true;
    if (!is_known(fact, cell)) return holds_unknown(fact, *of_leaf);
    const auto there = texts_there(fact, cell);
    return !there || !disjoint(*of_leaf, Values(*there));
  }

  EventMask cells_of(const Alternative& alternative, EventMask asked) {
    bool names_coming = false;
    for (const auto& literal : alternative) {
      asked &= cells_of(literal);
      names_coming |= literal.wanted && literal.leaf->fact() == "kind" && (literal.leaf->events() & ~firing_) != 0;
    }
    // A rule about whatever comes is not written for events of which nobody knows yet what they have.
    return (asked & firing_) != 0 || names_coming ? asked : 0;
  }

  // What of `events` there is at all.
  EventMask asked_about(EventMask events) const {
    EventMask asked = 0;
    for (const auto& cell : cells_) asked |= cell.mask();
    return asked & events;
  }

  // `why`: of the first one.
  bool is_dead(const Alternative& alternative, const Rule& rule, std::string& why) {
    const auto note = [&](std::string text) {
      if (why.empty()) why = std::move(text);
      return true;
    };
    for (std::size_t i = 0; i < alternative.size(); ++i) {
      const auto& literal = alternative[i];
      const auto* of = literal.wanted && !literal.leaf->fact().empty() ? &values(*literal.leaf) : nullptr;
      if (of != nullptr && *of && size_of(**of) == 0) return note(text_of(literal) + " is never true");
      for (std::size_t k = 0; k < i; ++k) {
        if (exclude(alternative[k], literal) || exclude(literal, alternative[k])) {
          return note(fmt::format("{} and {} exclude each other", text_of(alternative[k]), text_of(literal)));
        }
      }
    }
    if (cells_of(alternative, asked_about(all_events)) == 0) return note(no_event(alternative));
    return cells_of(alternative, asked_about(rule.events)) == 0;
  }

  // The leaves that leave no event, of those up to the first where that is so.
  std::string no_event(const Alternative& alternative) {
    std::string out;
    EventMask left = asked_about(all_events);
    for (const auto& literal : alternative) {
      const auto narrower = static_cast<EventMask>(left & cells_of(literal));
      if (narrower == left) continue;
      left = narrower;
      out += (out.empty() ? "no event has " : " and ") + text_of(literal);
      if ((left & firing_) == 0) break;
    }
    return out;
  }

  // ---- rules before it

  static bool decides(const Rule& rule) {
    return !rule.shadow && std::ranges::any_of(rule.actions, [](const Action* action) { return action->ends(); });
  }

  void look_for_hiding(const Chain& chain, std::size_t place) {
    const auto& rule = state_.rules[chain.rules[place]];
    const std::span before(chain.rules.data(), place);
    std::vector<std::size_t> by;
    for (const auto& alternative : *expanded_[chain.rules[place]]) {
      const auto left = cells_of(alternative, asked_about(rule.events)) & brought(alternative);
      for (const auto& cell : cells_) {
        if ((left & cell.mask()) == 0) continue;
        const auto hidden_by = hides(before, alternative, cell);
        if (!hidden_by) return;
        if (std::ranges::find(by, *hidden_by) == by.end()) by.push_back(*hidden_by);
      }
    }
    std::ranges::sort(by);
    std::string who;
    for (std::size_t i = 0; i < std::min<std::size_t>(by.size(), 3); ++i) {
      const auto& first = state_.rules[by[i]];
      const auto where = first.place.file == rule.place.file
                             ? fmt::format("line {}", first.place.line)
                             : fmt::format("{}:{}", state_.files[first.place.file].name, first.place.line);
      who += fmt::format("{}rule \"{}\" ({})", i == 0 ? "" : ", ", first.name, where);
    }
    if (by.size() > 3) who += fmt::format(" and {} more", by.size() - 3);
    say(rule, fmt::format("{} before it decide{} on all that it matches", who, by.size() == 1 ? "s" : ""));
  }

  std::optional<std::size_t> hides(std::span<const std::uint32_t> before, const Alternative& alternative, Cell cell) {
    for (const std::size_t i : before) {
      if (work_left_ == 0) break;
      const auto& earlier = state_.rules[i];
      spend(1);
      if (!decides(earlier) || (earlier.events & cell.mask()) == 0 || !expanded_[i]) continue;
      const auto covers = [&](const Alternative& wide) {
        return std::ranges::all_of(wide, [&](const Literal& one) { return follows(alternative, cell, one); });
      };
      if (std::ranges::any_of(*expanded_[i], covers)) return i;
    }
    return std::nullopt;
  }

  // Whether `wanted`, of an earlier rule, holds of every event of this cell that the alternative is true of.
  bool follows(const Alternative& alternative, Cell cell, const Literal& wanted) {
    spend(1);
    if (!wanted.leaf->pure()) return false;
    const auto fact = wanted.leaf->fact();
    if (fact == "kind" || fact == "direction") return (cells_of(wanted) & cell.mask()) != 0;
    // A rule between the two may give a tag, so that it is there now says nothing of then; or remember or forget.
    if ((fact == "tag" && wanted.wanted) || fact == "memory") return false;
    if (!wanted.wanted && !fact.empty() && !can_be_true(*wanted.leaf, cell)) return true;
    return std::ranges::any_of(alternative, [&](const Literal& one) { return implies(one, wanted); });
  }

  const PolicySet::State& state_;
  std::size_t work_left_;
  const std::vector<Cell> cells_ = all_cells();
  const EventMask firing_ = [] {
    EventMask out = 0;
    for (const auto& event : events()) out |= event.fires ? mask_of(event.event) : 0;
    return out;
  }();
  std::vector<std::optional<Alternatives>> expanded_;  // of each rule; dead ones are gone where they were looked at
  std::optional<std::vector<Way>> jumps_;              // to the chain that is looked at
  std::unordered_map<const Matcher*, std::optional<Values>> values_;
  std::vector<Fault> found_;
};

}  // namespace

std::vector<NamedText> texts_named(const PolicySet& set, std::string_view fact) {
  std::vector<NamedText> out;
  const auto& state = set.state();
  for (const auto& rule : state.rules) {
    std::vector<const Matcher*> left{rule.match};
    while (!left.empty()) {
      const auto* one = left.back();
      left.pop_back();
      left.insert(left.end(), one->parts().begin(), one->parts().end());
      if (one->shape() != Shape::leaf || one->fact() != fact) continue;
      const auto values = one->values();
      const auto* texts = values ? std::get_if<Texts>(&*values) : nullptr;
      if (texts == nullptr) continue;
      for (const auto& text : texts->any_of) out.push_back({state.error_at(rule.place, {}), text});
    }
  }
  return out;
}

std::vector<PolicyError> find_dead_rules(const PolicySet& set, std::size_t max_work) {
  return Checker(set, max_work).run();
}

}  // namespace valise::policy
