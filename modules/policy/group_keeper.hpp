// Private to this folder: the groups of the store, on the first shard: read once, changed by administrators, one change
// after the other. Rows (DataKind::policy_group): of the owner "policy" one for each group, named like it; of the owner
// "group:NAME", which no account can be called, one for each member, named by its address.
#pragma once

#include <deque>
#include <memory>

#include "core/shard.hpp"
#include "modules/policy/stored_groups.hpp"
#include "net/timer_wheel.hpp"
#include "policy/live_members.hpp"

namespace valise::modules {

class GroupKeeper {
 public:
  GroupKeeper(core::Shard& shard, std::shared_ptr<policy::LiveGroups> live);
  void stop() { timer_.cancel(); }
  [[nodiscard]] const StoredGroups::Groups* groups() const { return loaded_ ? &groups_ : nullptr; }
  void change(GroupChange change, std::move_only_function<void(Result<GroupChanged>)> done);
  // False: it could not be written.
  void forget(const std::string& address, std::move_only_function<void(bool)> done);

 private:
  static constexpr std::int64_t retry_ms = 10'000;
  // A change of one group: one unit with its record for each address, some at a time.
  struct Work;
  using WorkPtr = std::shared_ptr<Work>;

  void load();
  void in_turn(std::move_only_function<void()> work);
  void end_turn();
  void begin(GroupChange change, std::move_only_function<void(Result<GroupChanged>)> done);
  void submit_some(const WorkPtr& work);
  void submit(const WorkPtr& work, std::string address);
  void finish(const WorkPtr& work);
  void note(const std::string& group, const std::string& address, bool is_member);
  void publish(const std::string& group);
  void forget_next(const std::string& address, std::vector<std::string> in, std::move_only_function<void(bool)> done);

  core::Shard& shard_;
  std::shared_ptr<policy::LiveGroups> live_;
  net::Timer timer_;
  bool loaded_ = false;
  bool busy_ = false;
  std::deque<std::move_only_function<void()>> waiting_;
  StoredGroups::Groups groups_;  // what is durable
  std::size_t members_ = 0;      // of all of them
};

}  // namespace valise::modules
