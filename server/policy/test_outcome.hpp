// Private to this folder: what a test of rules looks at.
#pragma once

#include <string>
#include <vector>

#include "policy/decision.hpp"
#include "policy/question.hpp"

namespace valise::policy {

// What became of one event, by value: the rules are gone when the next test begins.
struct Outcome {
  Verdict verdict = Verdict::allow;
  Reason reason = Reason::no_rule;
  std::string rule, condition, text_fr, text_en, seal, shadow, record, event;
  std::vector<std::string> tags, notices, stripped;
  bool disconnect = false;
  bool unsubscribe = false;
  bool needs_approval = false;
  bool quiet = false;
  Pace pace;
  Pause pause;
  std::optional<std::uint32_t> keep_days;

  // "it was denied by …"
  [[nodiscard]] std::string text() const;
};

[[nodiscard]] Outcome outcome_of(const Decision& decision, const Question& question);

}  // namespace valise::policy
