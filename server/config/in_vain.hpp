#pragma once

#include "config/findings.hpp"

namespace valise::config {

// Warns of each option that is set to something else than its default while nothing that it needs (Need) is so: for the
// whole server if that holds for every host which has its value from there, and at each line once.
// Throws std::logic_error if an option needs one that is not in the snapshot's registry (programmer's mistake).
void warn_of_options_in_vain(const Snapshot& snapshot, Findings& findings);

}  // namespace valise::config
