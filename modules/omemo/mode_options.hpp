// The options of modes (docs/sealed.md 3.6, D16), what is wrong with them, and what they say at a moment.
#pragma once

#include <cstdint>
#include <string>

#include "config/findings.hpp"
#include "config/registry.hpp"
#include "config/snapshot.hpp"
#include "modules/omemo/modes.hpp"

namespace valise::core {
class Shard;
}

namespace valise::modules::omemo {

void add_mode_options(config::Registry& registry);
// Before a configuration takes effect: groups of one name and accounts of no host of ours are errors; warns of what has
// expired.
void check_modes(const config::Snapshot& snapshot, config::Findings& findings);
// For a module's `configure`: warns in the log of exempt accounts that don't exist (yet): whoever makes them is exempt.
void warn_of_missing_exempt(core::Shard& shard, const config::Snapshot& snapshot);

[[nodiscard]] HostModes host_modes(const config::Snapshot& snapshot, const std::string& host);
// What may let pass what the host's mode refuses (between hosts, groups, exemptions, rules, switches), as text: empty
// where nothing is said of it, and another one if something of it is changed.
[[nodiscard]] std::string exceptions_of(const config::Snapshot& snapshot, const std::string& host);

}  // namespace valise::modules::omemo
