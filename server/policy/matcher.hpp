// The matchers that rules are made of. They are built while the policy's file runs and then only read (Rate, a Lua
// function: written, by the one shard that owns the set). `matches` allocates nothing and calls no Lua, except the
// matcher that stands for a Lua function.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "policy/decision.hpp"
#include "policy/facts.hpp"
#include "policy/values.hpp"

namespace valise::policy {

// A text with its hash, so that a hundred rules about the same sender hash it once.
struct Hashed {
  std::string_view text;
  std::size_t hash = 0;
  Hashed() = default;
  explicit Hashed(std::string_view of) noexcept : text(of), hash(std::hash<std::string_view>{}(of)) {}
};

// One call of PolicySet::decide.
struct Context {
  const Facts& facts;
  Decision& decision;
  Event event = facts.event;  // exact_event
  bool failed = false;        // a Lua function failed: the rule is over, the verdict is deny
  bool clock_runs = false;    // the calls of one decision share a clock
  bool overran = false;       // of `failed`: a budget was used up
  bool only_looks = false;    // somebody asks what would be decided: nothing is counted or kept
  std::string why{};          // of `failed`: file, line, text
  std::uint32_t jump = 0;     // Next::jump: which chain
  // Made when first asked for: a text that no set looks up is not hashed.
  struct PartyHashes {
    std::optional<Hashed> bare;
    std::optional<Hashed> domain;
  };
  PartyHashes from{};
  PartyHashes to{};

  void fail(std::string text) {
    failed = true;
    why = std::move(text);
  }
};

enum class Shape : std::uint8_t { leaf, always, function, all, any, negation };

class Matcher {
 public:
  // What a tree of matchers may come to: `m = m * m`, forty times over, is refused while it is built.
  static constexpr std::uint32_t max_weight = 10'000;
  static constexpr std::uint32_t max_depth = 32;

  virtual ~Matcher() = default;
  Matcher(const Matcher&) = delete;
  Matcher& operator=(const Matcher&) = delete;

  virtual bool matches(Context& context) const = 0;
  // As it could stand in a policy: `From{domain="guests.example"} * -Kind("iq")`.
  [[nodiscard]] virtual std::string describe() const = 0;
  // Events on which it can match and on which it has to be evaluated (a Rate counts what it sees).
  [[nodiscard]] virtual EventMask events() const { return all_events; }
  // It matches on all of these: whoever has looked at the event need not ask.
  [[nodiscard]] virtual bool is_told_by_events() const { return false; }
  // Without memory and without Lua: it may be skipped when its result does not matter.
  [[nodiscard]] virtual bool pure() const { return true; }
  // '*' or '+' for a combination, which needs brackets inside another.
  [[nodiscard]] virtual char operation() const { return 0; }

  // ---- for those who look at rules instead of asking them (check.hpp, explain.hpp); what says nothing is opaque
  [[nodiscard]] virtual Shape shape() const { return Shape::leaf; }
  // Of all, any (in their order) and negation (one).
  [[nodiscard]] virtual std::span<const Matcher* const> parts() const { return {}; }
  // A leaf: the one fact that it reads, by its name in fact_names.hpp; empty: others, or several.
  [[nodiscard]] virtual std::string_view fact() const { return {}; }
  // A leaf with a fact: for which of its values it is true. Nothing: that cannot be said. (Not while the file is
  // loaded.)
  [[nodiscard]] virtual std::optional<Values> values() const { return std::nullopt; }
  // A leaf: the fields of `m`, or facts, that have to be known for it (partial.hpp). None: nobody can say.
  [[nodiscard]] virtual std::vector<std::string_view> needs() const {
    return fact().empty() ? std::vector<std::string_view>() : std::vector{fact()};
  }

  [[nodiscard]] std::uint32_t weight() const noexcept { return weight_; }
  [[nodiscard]] std::uint32_t depth() const noexcept { return depth_; }

 protected:
  explicit Matcher(std::uint32_t weight = 1, std::uint32_t depth = 1) : weight_(weight), depth_(depth) {}

 private:
  std::uint32_t weight_;
  std::uint32_t depth_;
};

using MatcherPtr = std::unique_ptr<const Matcher>;

enum class Comparison : std::uint8_t { less, at_most, equal, at_least, more };
inline constexpr std::array<std::string_view, 5> comparison_names{"<", "<=", "==", ">=", ">"};
template <class T>
[[nodiscard]] constexpr bool compare(T value, Comparison comparison, T bound) noexcept {
  switch (comparison) {
    case Comparison::less:
      return value < bound;
    case Comparison::at_most:
      return value <= bound;
    case Comparison::equal:
      return value == bound;
    case Comparison::at_least:
      return value >= bound;
    case Comparison::more:
      return value > bound;
  }
  return false;
}

// ---- combinations; the parts outlive the whole (PolicySet keeps all matchers)
[[nodiscard]] MatcherPtr make_all(std::vector<const Matcher*> parts);  // `*`: left to right, ends at the first no
[[nodiscard]] MatcherPtr make_any(std::vector<const Matcher*> parts);  // `+`: left to right, ends at the first yes
[[nodiscard]] MatcherPtr make_not(const Matcher* part);                // `-`

// ---- single facts. `name` and `described` are how a policy writes it.
[[nodiscard]] MatcherPtr make_always();
[[nodiscard]] MatcherPtr make_kind(std::vector<Event> events);
[[nodiscard]] MatcherPtr make_direction(Direction direction);
[[nodiscard]] MatcherPtr make_omemo(Omemo version);
struct FlagFact {
  std::string_view name;                // fact_names.hpp
  std::vector<std::string> values;      // for which it is true
  std::vector<std::string_view> needs;  // none: the fact itself
};
[[nodiscard]] MatcherPtr make_flag(std::string described, bool (*field)(const Facts&), FlagFact fact);
// `field` reads the text that must be one of `values`.
[[nodiscard]] MatcherPtr make_text(std::string_view name, std::string_view (*field)(const Facts&),
                                   std::vector<std::string> values);
// The same where `*` stands in values for any characters.
[[nodiscard]] MatcherPtr make_pattern(std::string_view name, std::string_view (*field)(const Facts&),
                                      std::vector<std::string> values);
// Nothing: it is not known, and never matches.
using NumberField = std::optional<std::uint64_t> (*)(const Facts&);
[[nodiscard]] MatcherPtr make_number(std::string_view name, NumberField field, Comparison comparison,
                                     std::uint64_t bound);
[[nodiscard]] MatcherPtr make_has_tag(std::vector<std::string> tags);
[[nodiscard]] MatcherPtr make_device_id(std::vector<std::uint32_t> ids);
// An element of that name (empty: any) in that namespace (empty: any) among the stanza's children.
[[nodiscard]] MatcherPtr make_child(std::string name, std::string ns);
[[nodiscard]] MatcherPtr make_roster_group(std::vector<std::string> groups);

// ---- parties (party.cpp)
struct PartySet {
  std::vector<std::string> jids;     // bare or full; `*` stands for any characters
  std::vector<std::string> domains;  // `*` likewise: "*.guests.example"
};
[[nodiscard]] MatcherPtr make_party(std::string name, Party Facts::* party, PartySet set);

// ---- place and time (place_time.cpp, calendar.cpp). Errors: nullptr and `error` says what is wrong.
[[nodiscard]] MatcherPtr make_network(const std::vector<std::string>& networks, std::string& error);
[[nodiscard]] MatcherPtr make_hours(const std::vector<std::string>& ranges, std::string& error);
[[nodiscard]] MatcherPtr make_weekday(const std::vector<std::string>& days, std::string& error);
[[nodiscard]] MatcherPtr make_date(const std::vector<std::string>& ranges, std::string& error);
[[nodiscard]] MatcherPtr make_holiday(const std::vector<std::string>& calendars, std::string& error);
inline constexpr std::array<std::string_view, 7> weekday_names{"mon", "tue", "wed", "thu", "fri", "sat", "sun"};

// `{ "a", "b", … 17 more }`
[[nodiscard]] std::string describe_list(const std::vector<std::string>& values);

}  // namespace valise::policy
