// Accounts of this server that an administrator names in an option: one that is not there does nothing.
#pragma once

#include <string>
#include <string_view>

#include "config/findings.hpp"
#include "config/option.hpp"
#include "config/snapshot.hpp"

namespace valise::core {

class Shard;

// Before a configuration takes effect: what the option names, an account or a domain, and is on none of our hosts.
// `note`: whether the configuration can be used nevertheless (Findings::error or warning).
using Note = void (config::Findings::*)(const config::OptionBase& option, std::string_view host, std::string text);
void check_hosts_of(const config::Option<config::Strings>& option, const config::Snapshot& snapshot,
                    config::Findings& findings, Note note);

// For a module's `configure`: asks the store, each shard for the accounts whose home it is, and warns in the log of
// those that don't exist, once for each line that names them. Domains among the names, and what cannot be asked now,
// are passed over.
void warn_of_missing_accounts(Shard& shard, const config::Snapshot& snapshot,
                              const config::Option<config::Strings>& option);

}  // namespace valise::core
