// What the tools for policies say, as JSON: the same from the running server (server/main/control_policy.cpp) and from
// files.
#pragma once

#include <expected>
#include <string>

#include <nlohmann/json.hpp>

#include "policy/explain.hpp"
#include "policy/question.hpp"

namespace valise::ctl {

[[nodiscard]] nlohmann::json to_json(const policy::Explanation& explanation);
// Of to_json: for people, lines.
[[nodiscard]] std::string shown_explanation(const nlohmann::json& explanation);

// `facts`: an object from a fact's name to its text. Errors: not that, or what Question::set says.
[[nodiscard]] std::expected<void, std::string> set_facts(policy::Question& question, const nlohmann::json& facts);

}  // namespace valise::ctl
