// A matcher becomes alternatives (a disjunctive normal form), each a list of leaves that are wanted true or false. An
// alternative is dead where two of its leaves exclude each other, or where no kind of event has what it asks for; it is
// hidden where, for each kind and direction that is left to it, an earlier rule has an alternative that it implies.
#include "policy/check.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <unordered_map>

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

// ---- what the kinds of events have (lua/README.md, "How a decision is made"). A cell is a kind and a direction.

constexpr bool asked_once(Event event) {
  return event == Event::login || event == Event::session || event == Event::registration || event == Event::publish;
}

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

// Values that the fact may have there; nothing: any. Sorted.
std::optional<Texts> texts_there(std::string_view fact, Cell cell) {
  const auto is = [&](auto... events) { return ((cell.event == events) || ...); };
  const bool stanza = is(Event::message, Event::presence, Event::iq);
  if ((fact == "mechanism" || fact == "tls") && stanza && cell.direction == Direction::in) return Texts{{""}};
  if (fact == "payload" && is(Event::message, Event::presence, Event::login, Event::session, Event::registration)) {
    return Texts{{""}};
  }
  if (fact == "unsealed" && is(Event::login, Event::session, Event::registration, Event::publish)) return Texts{{""}};
  if (fact == "sealed" && asked_once(cell.event)) return Texts{{"false"}};
  if (fact != "type") return std::nullopt;
  if (is(Event::message)) return Texts{{"chat", "error", "groupchat", "headline", "normal"}};
  if (is(Event::presence)) {
    return Texts{{"available", "error", "probe", "subscribe", "subscribed", "unavailable", "unsubscribe", "unsubscribed"}};
  }
  if (is(Event::iq)) return Texts{{"error", "get", "result", "set"}};
  if (is(Event::publish, Event::registration)) return Texts{{"set"}};
  if (is(Event::login, Event::session)) return Texts{{""}};
  return std::nullopt;
}

class Checker {
 public:
  Checker(const PolicySet& set, std::size_t max_work) : state_(set.state()), work_left_(max_work) {}

  std::vector<PolicyError> run() {
    for (std::size_t i = 0; i < state_.rules.size(); ++i) {
      const auto& rule = state_.rules[i];
      auto& mine = expanded_.emplace_back(expand(*rule.match, true));
      if (!mine) continue;
      std::string why;
      std::erase_if(*mine, [&](const Alternative& one) { return is_dead(one, rule, why); });
      if (mine->empty()) {
        say(rule, why.empty() ? "its match is never true" : why);
      } else {
        look_for_hiding(i);
      }
      if (work_left_ == 0) {
        found_.push_back({state_.name, 0, "too many rules to compare them all: others may be hidden"});
        break;
      }
    }
    return std::move(found_);
  }

 private:
  void say(const Rule& rule, const std::string& why) {
    found_.push_back({state_.name, rule.line, fmt::format("rule \"{}\" can never act: {}", rule.name, why)});
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
    return a.wanted && a.leaf->fact() != "tag" && disjoint(*of_a, *of_b);  // tags are many, other facts one
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
    const bool stanza = !asked_once(cell.event) && cell.event != Event::unsealed;
    if (fact == "ip" && stanza && cell.direction == Direction::in) return false;
    const auto& of_leaf = values(leaf);
    if (!of_leaf) return true;
    if (fact == "unknown_devices" && !(cell.event == Event::message && cell.direction == Direction::in)) {
      return !disjoint(*of_leaf, Values(Ranges{{{0, 0}}}));
    }
    const auto there = texts_there(fact, cell);
    return !there || !disjoint(*of_leaf, Values(*there));
  }

  EventMask cells_of(const Alternative& alternative, EventMask asked) {
    for (const auto& literal : alternative) asked &= cells_of(literal);
    return asked;
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
      if (left == 0) break;
    }
    return out;
  }

  // ---- rules before it

  static bool decides(const Rule& rule) {
    return !rule.shadow && std::ranges::any_of(rule.actions, [](const Action* action) { return action->ends(); });
  }

  void look_for_hiding(std::size_t number) {
    const auto& rule = state_.rules[number];
    std::vector<std::size_t> by;
    for (const auto& alternative : *expanded_[number]) {
      const auto left = cells_of(alternative, asked_about(rule.events));
      for (const auto& cell : cells_) {
        if ((left & cell.mask()) == 0) continue;
        const auto hidden_by = hides(number, alternative, cell);
        if (!hidden_by) return;
        if (std::ranges::find(by, *hidden_by) == by.end()) by.push_back(*hidden_by);
      }
    }
    std::ranges::sort(by);
    std::string who;
    for (std::size_t i = 0; i < std::min<std::size_t>(by.size(), 3); ++i) {
      const auto& first = state_.rules[by[i]];
      who += fmt::format("{}rule \"{}\" (line {})", i == 0 ? "" : ", ", first.name, first.line);
    }
    if (by.size() > 3) who += fmt::format(" and {} more", by.size() - 3);
    say(rule, fmt::format("{} before it decide{} on all that it matches", who, by.size() == 1 ? "s" : ""));
  }

  std::optional<std::size_t> hides(std::size_t number, const Alternative& alternative, Cell cell) {
    for (std::size_t i = 0; i < number && work_left_ > 0; ++i) {
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
    // A rule between the two may give a tag, so that it is there now says nothing of then.
    if (fact == "tag" && wanted.wanted) return false;
    if (!wanted.wanted && !fact.empty() && !can_be_true(*wanted.leaf, cell)) return true;
    return std::ranges::any_of(alternative, [&](const Literal& one) { return implies(one, wanted); });
  }

  const PolicySet::State& state_;
  std::size_t work_left_;
  const std::vector<Cell> cells_ = all_cells();
  std::vector<std::optional<Alternatives>> expanded_;  // of each rule so far; dead ones are gone
  std::unordered_map<const Matcher*, std::optional<Values>> values_;
  std::vector<PolicyError> found_;
};

}  // namespace

std::vector<PolicyError> find_dead_rules(const PolicySet& set, std::size_t max_work) {
  return Checker(set, max_work).run();
}

}  // namespace valise::policy
