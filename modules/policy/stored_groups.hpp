// Groups whose members stand in the store. Published by modules/policy on every shard.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "core/jid/jid.hpp"

namespace valise::modules {

struct GroupChange {
  bool add = true;  // else they are taken out
  std::string group;
  std::vector<std::string> addresses;  // as an administrator writes them; none, to take out: all, and the group
};
struct GroupChanged {
  std::size_t changed = 0;
  std::size_t as_before = 0;  // in it already, or not in it
  std::size_t members = 0;    // that it has now
};

class StoredGroups {
 public:
  using Groups = std::map<std::string, std::set<std::string>>;
  static constexpr std::size_t most_groups = 1000;
  static constexpr std::size_t most_members = 200'000;  // of all together

  // -- on the first shard
  // `done` runs there when all is durable, and in force. Errors: invalid (an address, with what is wrong; nothing was
  // changed then), not_found (a group to take out of), limit, unavailable.
  virtual void change(GroupChange change, std::move_only_function<void(Result<GroupChanged>)> done) = 0;
  // Null: they have not been read yet.
  [[nodiscard]] virtual const Groups* stored() const = 0;
  // -- on any shard
  // The account is removed: it leaves all groups. `done` runs on that shard; false: not yet, it is to be asked again.
  virtual void forget(const core::Jid& account, std::move_only_function<void(bool)> done) = 0;

 protected:
  ~StoredGroups() = default;
};

}  // namespace valise::modules
