#include "policy/test_outcome.hpp"

#include <fmt/core.h>

#include "base/log.hpp"

namespace valise::policy {

std::string Outcome::text() const {
  const char* did = reason == Reason::policy_failed ? "it failed"
                    : verdict == Verdict::deny      ? "it was denied"
                    : verdict == Verdict::drop      ? "it was dropped"
                                                    : "it was allowed";
  return std::string(did) + (rule.empty() ? ", no rule decided" : " by \"" + rule + "\"");
}

Outcome outcome_of(const Decision& decision, const Question& question) {
  const auto facts = question.facts(0);
  Outcome out{.verdict = decision.verdict,
              .reason = decision.reason,
              .rule = std::string(decision.rule),
              .condition = std::string(decision.error.condition),
              .text_fr = std::string(decision.text_fr),
              .text_en = std::string(decision.text_en),
              .seal = std::string(decision.seal),
              .shadow = std::string(decision.shadow),
              .record = std::string(decision.record),
              .event = {},
              .tags = {},
              .notices = {},
              .stripped = {},
              .disconnect = decision.disconnect,
              .unsubscribe = decision.unsubscribe,
              .needs_approval = decision.needs_approval,
              .quiet = decision.quiet,
              .pace = decision.pace,
              .pause = decision.pause,
              .keep_days = decision.keep_days};
  for (std::uint32_t i = 0; i < decision.notice_count; ++i) {
    for (const auto text : {decision.notices[i].fr, decision.notices[i].en}) out.notices.emplace_back(text);
  }
  for (std::uint32_t i = 0; i < decision.strip_count; ++i) {
    for (const auto& element : *decision.strips[i]) out.stripped.push_back(element.name);
  }
  out.event = fmt::format("{} from {} to {}", event_names[static_cast<std::size_t>(facts.event)],
                          facts.from.bare.empty() ? "nobody" : log::printable(facts.from.bare),
                          facts.to.bare.empty() ? "nobody" : log::printable(facts.to.bare));
  for (const auto tag : decision.added_tags()) out.tags.emplace_back(tag);
  return out;
}

}  // namespace valise::policy
