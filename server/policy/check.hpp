// Rules that can do nothing: of a file that loads, but does not say what its author meant. Only what is proven is
// reported; what cannot be decided from the rules alone (functions, rates, patterns against patterns) is not.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "policy/policy_set.hpp"

namespace valise::policy {

// In the order of the file, each with its line: rules whose matcher can never be true (two kinds at once, a fact that
// the event does not have), rules that no event reaches because earlier ones decide or no jump brings it, and chains
// that nothing jumps to. A rule in shadow decides nothing, so it hides none. Bounded: past `max_work` comparisons the
// last entry says that not all were compared.
[[nodiscard]] std::vector<PolicyError> find_dead_rules(const PolicySet& set, std::size_t max_work = 30'000'000);

// What loads, and is hardly meant, each with its line: matchers that belong to no rule (often `and` or `or` stands
// where `*` or `+` was meant), actions that do nothing for the kinds of their rule or stand behind one that ends, a
// Delay that never ends. At most 20; nothing keeps such a file from being in force.
[[nodiscard]] std::vector<PolicyError> find_oddities(const PolicySet& set);

// The texts that rules compare that fact with (fact_names.hpp), each with its rule's place. Functions are not looked
// into.
struct NamedText {
  PolicyError rule;  // where; without a text
  std::string text;
};
[[nodiscard]] std::vector<NamedText> texts_named(const PolicySet& set, std::string_view fact);

}  // namespace valise::policy
