#include "policy_answer.hpp"

#include <fmt/core.h>

#include <array>

#include "policy/opening.hpp"

namespace valise::ctl {
namespace {

using Json = nlohmann::json;
using policy::Held;
using policy::TriedRule;

constexpr std::array<const char*, 3> held_names{"yes", "no", "not-looked-at"};
constexpr std::array<const char*, 4> result_names{"not-asked", "no", "matched", "failed"};
constexpr std::array<const char*, 3> verdict_names{"allow", "deny", "drop"};
constexpr std::array<const char*, 3> reason_names{"no-rule", "rule", "policy-failed"};

Json to_json(const TriedRule& rule) {
  Json looks = Json::array();
  for (const auto& look : rule.looks) {
    looks.push_back(
        {{"depth", look.depth}, {"match", look.matcher}, {"held", held_names[static_cast<std::size_t>(look.held)]}});
    if (!look.saw.empty()) looks.back()["saw"] = look.saw;
  }
  Json out{{"name", rule.name},     {"line", rule.line},
           {"shadow", rule.shadow}, {"result", result_names[static_cast<std::size_t>(rule.result)]},
           {"action", rule.action}, {"looks", std::move(looks)}};
  if (!rule.file.empty()) out["file"] = rule.file;
  if (!rule.chain.empty()) out["chain"] = rule.chain;
  if (!rule.why.empty()) out["why"] = rule.why;
  return out;
}

std::string in_chain(const Json& rule) {
  return rule.contains("chain") ? " of chain \"" + rule.value("chain", "") + "\"" : "";
}

// Its whole matcher is the first look; the parts stand below, indented.
std::string shown_rule(const Json& rule) {
  const auto result = rule.value("result", "");
  const bool shadow = rule.value("shadow", false);
  const auto file = rule.value("file", "");
  std::string out = (file.empty() ? "line " : file + ":") + std::to_string(rule.value("line", 0U)) + "  \"" +
                    rule.value("name", "") + "\"" + in_chain(rule) + (shadow ? " (shadow)" : "") + ": ";
  if (result == "not-asked") return out + "is about other events\n";
  if (result == "failed") return out + "failed: " + rule.value("why", "") + "\n";
  out +=
      result == "matched" ? "matches, " + rule.value("action", "") + (shadow ? " is not done" : "") : "does not match";
  out += "\n";
  for (const auto& look : rule.value("looks", Json::array())) {
    const auto held = look.value("held", "");
    out += std::string(4 + 2 * std::min(look.value("depth", 0U), 40U), ' ') +
           (held == "yes"  ? "yes "
            : held == "no" ? "no  "
                           : "-   ") +
           look.value("match", "");
    const auto saw = look.value("saw", "");
    if (!saw.empty()) out += "   [" + saw + "]";
    out += "\n";
  }
  return out;
}

std::string verdict_sentence(const Json& explanation) {
  const auto verdict = explanation.value("verdict", "");
  const auto cause = explanation.value("reason", "");
  const auto place = " \"" + explanation.value("rule", "") + "\"" + in_chain(explanation) + " (" +
                     explanation.value("file", "") + ":" + std::to_string(explanation.value("line", 0U)) + ")\n";
  if (cause == "no-rule") return "allowed: no rule of " + explanation.value("file", "") + " decides\n";
  if (cause == "policy-failed") return "denied, because this rule fails:" + place;
  const auto seal = explanation.value("seal", "");
  if (!seal.empty()) return "sealed mode \"" + seal + "\" by rule" + place;
  if (verdict == "drop") return "dropped by rule" + place;
  if (verdict == "deny") return "denied (" + explanation.value("condition", "") + ") by rule" + place;
  return "allowed by rule" + place;
}

}  // namespace

Json to_json(const policy::Explanation& explanation) {
  Json tried = Json::array();
  for (const auto& rule : explanation.tried) tried.push_back(to_json(rule));
  Json out{{"file", explanation.file},
           {"verdict", verdict_names[static_cast<std::size_t>(explanation.verdict)]},
           {"reason", reason_names[static_cast<std::size_t>(explanation.reason)]},
           {"tags", explanation.tags},
           {"tried", std::move(tried)},
           {"not_tried", explanation.not_tried}};
  if (!explanation.rule.empty()) {
    out["rule"] = explanation.rule;
    out["line"] = explanation.line;
    if (!explanation.chain.empty()) out["chain"] = explanation.chain;
  }
  if (explanation.verdict == policy::Verdict::deny) {
    out["condition"] = explanation.condition;
    out["fr"] = explanation.text_fr;
    out["en"] = explanation.text_en;
  }
  if (!explanation.seal.empty()) out["seal"] = explanation.seal;
  if (explanation.pause.ms != 0) out["waits_s"] = explanation.pause.ms / 1000;
  if (explanation.pause.until_minute != 0) out["waits_until"] = policy::text_of(explanation.pause.until_minute);
  return out;
}

std::string shown_explanation(const Json& explanation) {
  std::string out;
  if (explanation.contains("before")) out += explanation.value("before", "") + "\n";
  out += verdict_sentence(explanation);
  if (explanation.contains("fr")) {
    out += "  fr  " + explanation.value("fr", "") + "\n  en  " + explanation.value("en", "") + "\n";
  }
  if (explanation.contains("waits_s")) out += fmt::format("  waits {} s\n", explanation.value("waits_s", 0));
  if (explanation.contains("waits_until")) out += "  waits until " + explanation.value("waits_until", "") + "\n";
  for (const auto& tag : explanation.value("tags", Json::array())) out += "  tag " + tag.get<std::string>() + "\n";
  for (const auto& rule : explanation.value("tried", Json::array())) out += shown_rule(rule);
  const auto left = explanation.value("not_tried", std::size_t{0});
  if (left != 0) out += std::to_string(left) + (left == 1 ? " rule" : " rules") + " behind it not tried\n";
  return out;
}

std::expected<void, std::string> set_facts(policy::Question& question, const Json& facts) {
  if (!facts.is_object()) return std::unexpected("the facts are no object");
  for (const auto& [name, value] : facts.items()) {
    if (!value.is_string()) return std::unexpected("the fact " + name + " is no text");
    if (auto done = question.set(name, value.get_ref<const std::string&>()); !done) return done;
  }
  return {};
}

}  // namespace valise::ctl
