// Rules name labels that a catalogue has, or nothing ever matches.
#pragma once

#include "config/findings.hpp"
#include "config/snapshot.hpp"
#include "policy/policy_set.hpp"

namespace valise::modules {

// A warning for each label of a rule that no host's labels.catalogue has.
void warn_of_labels(const policy::PolicySet& rules, const config::Snapshot& config, config::Findings& findings);

}  // namespace valise::modules
