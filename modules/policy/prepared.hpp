// Private to this folder: rules are made where a configuration is checked, not on a shard: nobody waits for Lua, and a
// file that changes right after the check cannot give two shards different rules. One a process; any thread.
#pragma once

#include <memory>
#include <mutex>
#include <vector>

#include "base/error.hpp"
#include "config/snapshot.hpp"
#include "modules/policy/in_force.hpp"
#include "policy/live_members.hpp"
#include "policy/policy_set.hpp"
#include "policy/shared.hpp"

namespace valise::modules {

// What limiters and memories are kept in: one a process, whatever becomes of the rules.
[[nodiscard]] const std::shared_ptr<policy::Shared>& kept_by_rules();
// Members of groups that the store or a directory has, likewise.
[[nodiscard]] const std::shared_ptr<policy::LiveGroups>& live_groups();

class Prepared {
 public:
  // Errors: invalid, "policy.lua:3: …".
  Result<> make(const config::Snapshot& config);
  struct Made {
    std::unique_ptr<policy::PolicySet> rules;  // null: none was made for this configuration
    std::shared_ptr<const PolicySource> source;
  };
  // At one of those that were made last.
  template <class Look>
  void look(Look look) {
    const std::lock_guard lock(mutex_);
    if (!sets_.empty()) look(*sets_.front());
  }
  // For one shard.
  Made take(const config::Snapshot& config);

 private:
  std::mutex mutex_;  // guards the rest
  const config::Snapshot* for_ = nullptr;
  std::shared_ptr<const PolicySource> source_;
  policy::PolicyOptions options_;
  std::vector<std::unique_ptr<policy::PolicySet>> sets_;
};

[[nodiscard]] Prepared& prepared();

}  // namespace valise::modules
