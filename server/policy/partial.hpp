// Decides on events of which some facts are not known, as a log holds them: `policy replay`. A matcher over an unknown
// fact is neither true nor false, and a decision is only given where it is the same whatever the unknown facts are.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "policy/policy_set.hpp"

namespace valise::policy {

// What came of one event. `verdict`, `rule` and `tags` hold if it is certain.
struct PartialDecision {
  static constexpr std::size_t none = static_cast<std::size_t>(-1);
  bool certain = true;
  Verdict verdict = Verdict::allow;
  std::size_t rule = none;  // by its place in the file; none: no rule decides
  std::vector<std::string_view> tags;
  std::size_t delayed_by = none;  // it passes and is held back (Delay): the first rule that says so
};

struct PartialRule {
  std::string name;
  unsigned line = 0;
  bool shadow = false;
  std::uint64_t allowed = 0, refused = 0;  // events that it decides on; in shadow: would decide on
  std::uint64_t failed = 0;                // its Lua failed: of `refused`, but in shadow
  std::uint64_t undecidable = 0;           // events of which it is not known whether it decides, or holds back
  std::vector<std::string> needs;          // the unknown facts that this is for, as `m` and the matchers call them
};

// Limiters and memories begin as they are and keep what surely reaches them, in the order of the calls, by
// Facts::now_ms: `set` is a set of its own, not one in force. One thread; `set` outlives it.
class PartialDecider {
 public:
  explicit PartialDecider(PolicySet& set);
  ~PartialDecider();
  PartialDecider(const PartialDecider&) = delete;
  PartialDecider& operator=(const PartialDecider&) = delete;

  // `unknown`: names of facts (fact_names.hpp, m's fields) that `facts` holds nothing of. "from_resource" and
  // "to_resource": of `from` and `to` only the bare address is known.
  [[nodiscard]] PartialDecision decide(const Facts& facts, const std::vector<std::string_view>& unknown);
  [[nodiscard]] std::vector<PartialRule> rules() const;

 private:
  class Engine;
  std::unique_ptr<Engine> engine_;
};

}  // namespace valise::policy
