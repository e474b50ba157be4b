// Which rule would decide on an event, and why: the decision itself (PolicySet::decide), watched.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "policy/policy_set.hpp"

namespace valise::policy {

enum class Held : std::uint8_t { yes, no, not_looked_at };

// A matcher or a part of one, in the order of looking.
struct Look {
  unsigned depth = 0;
  std::string matcher;  // as it could stand in the file
  Held held = Held::not_looked_at;
  std::string saw;  // of a leaf: `from is alice@example.org`; may be empty
};

struct TriedRule {
  enum class Result : std::uint8_t { not_asked, no, matched, failed };
  std::string name;
  unsigned line = 0;
  std::string file;   // empty: the policy's own; else its name from the policy's folder
  std::string chain;  // where it stands; empty: the main one
  bool shadow = false;
  Result result = Result::not_asked;  // not_asked: it is about other kinds or the other direction
  std::string action;
  std::string why;  // of failed: file, line, text
  std::vector<Look> looks;
};

struct Explanation {
  std::string file;  // of the rule that decided, or the policy's
  Verdict verdict = Verdict::allow;
  Reason reason = Reason::no_rule;
  std::string rule;  // that decided or failed
  unsigned line = 0;
  std::string chain;  // of that rule; empty: the main one
  std::string condition, text_fr, text_en, seal;
  std::vector<std::string> tags;  // added
  Pause pause;                    // Delay
  std::vector<TriedRule> tried;   // in order, up to the one that decided; a chain's behind the rule that jumps there
  std::size_t not_tried = 0;      // rules behind it, in the main chain and in those that were entered
};

// Counts nothing, takes from no limiter and keeps nothing in a memory. A Lua function that keeps something in a local
// of its own is run as for a real event and keeps it.
[[nodiscard]] Explanation explain(PolicySet& set, const Facts& facts);

// The verdict alone, likewise. Nothing: a rule that was tried asks for one of the `unknown` facts, of which `facts`
// holds nothing, so that it might be another.
[[nodiscard]] std::optional<Verdict> foresee(PolicySet& set, const Facts& facts,
                                             std::span<const std::string_view> unknown = {});

}  // namespace valise::policy
