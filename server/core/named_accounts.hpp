// Accounts of this server that an administrator names in an option: one that is not there does nothing.
#pragma once

#include <string>
#include <string_view>

#include "config/option.hpp"
#include "config/snapshot.hpp"

namespace valise::core {

class Shard;

// Before a configuration takes effect: what is wrong with the domain of `jid`, an account or a domain, or "".
[[nodiscard]] std::string not_of_our_hosts(std::string_view jid, const config::Snapshot& snapshot);

// For a module's `configure`: asks the store, each shard for the accounts whose home it is, and warns in the log of
// those that don't exist, once for each line that names them. Domains among the names, and what cannot be asked now,
// are passed over.
void warn_of_missing_accounts(Shard& shard, const config::Snapshot& snapshot,
                              const config::Option<config::Strings>& option);

}  // namespace valise::core
