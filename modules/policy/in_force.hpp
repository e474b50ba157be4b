// What administrators ask of the rules in force, beside core::Rules. Published by modules/policy; on the home shard.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "policy/explain.hpp"
#include "policy/live_members.hpp"
#include "policy/question.hpp"

namespace valise::modules {

// What the rules were made from; "stock.lua" where no file is configured. Immutable, safe from any thread.
struct PolicySource {
  std::string name;
  std::string text;
};

class RulesInForce {
 public:
  // What would be decided now. Counts nothing. Nothing: there are no rules.
  [[nodiscard]] virtual std::optional<policy::Explanation> explain(const policy::Question& question) = 0;
  // The rules in their order, with what this shard counted.
  [[nodiscard]] virtual std::vector<policy::RuleInfo> infos() const = 0;
  [[nodiscard]] virtual std::vector<policy::GroupInfo> groups() const = 0;
  [[nodiscard]] virtual std::shared_ptr<const PolicySource> source() const = 0;
  // For policy::Memories, whose times are the shard's clock. Null: there are no rules.
  [[nodiscard]] virtual const policy::PolicySet* rules() const = 0;

 protected:
  ~RulesInForce() = default;
};

}  // namespace valise::modules
