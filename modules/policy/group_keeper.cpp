#include "modules/policy/group_keeper.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "base/clock.hpp"
#include "base/log.hpp"
#include "config/nearest.hpp"
#include "modules/policy/member_address.hpp"

namespace valise::modules {
namespace {

constexpr std::string_view list_owner = "policy";
constexpr auto data_kind = storage::DataKind::policy_group;
constexpr std::size_t longest_name = 512;  // bytes, as the language of policies has it
constexpr std::size_t at_once = 64;        // units of a change that are under way

std::string owner_of(std::string_view group) { return "group:" + std::string(group); }

// What is wrong with a group's name; "": nothing.
std::string_view name_fault(std::string_view name) {
  if (name.empty() || name.size() > longest_name) return "a group's name has 1 to 512 bytes";
  const auto control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
  return std::ranges::any_of(name, control) ? "a group's name has no control characters" : "";
}

using Rows = std::map<std::string, std::vector<std::string>>;

Result<Rows> read_all(storage::Reader& reader) {
  Rows out;
  std::size_t left = StoredGroups::most_members;
  auto names = reader.account_data(list_owner, data_kind);
  if (!names) return std::unexpected(names.error());
  for (auto& group : *names) {
    auto rows = reader.account_data(owner_of(group.name), data_kind);
    if (!rows) return std::unexpected(rows.error());
    auto& members = out[group.name];
    for (auto& row : *rows) {
      // Whoever can write the store may have written anything: a pattern would be one.
      const auto address = member_address(row.name);
      if (!address || *address != row.name || left == 0) {
        log::warning("policy", "group \"{}\" in the store: a member that is none, or one too many, is left out",
                     log::printable(group.name));
        continue;
      }
      --left;
      members.push_back(std::move(row.name));
    }
  }
  return out;
}

core::audit::Record record_of(const std::string& group, const std::string& address, bool add) {
  core::audit::Record record;
  record.kind = core::audit::Kind::admin;
  record.reason = add ? "group-add" : "group-remove";
  record.recipient = address;
  record.rule = group;
  return record;
}

}  // namespace

struct GroupKeeper::Work {
  GroupChange change;
  std::move_only_function<void(Result<GroupChanged>)> done;
  GroupChanged counted;
  std::size_t next = 0, under_way = 0;
  std::optional<Error> error;  // the first
  bool is_over = false;
};

GroupKeeper::GroupKeeper(core::Shard& shard, std::shared_ptr<policy::LiveGroups> live)
    : shard_(shard), live_(std::move(live)), timer_([](void* self) { static_cast<GroupKeeper*>(self)->load(); }, this) {
  shard_.loop().timers().arm(timer_, shard_.loop().now_ms(), 0);
}

void GroupKeeper::load() {
  shard_.read(&read_all, [this](Result<Rows> read) {
    if (loaded_) return;
    if (!read) {
      shard_.loop().timers().arm(timer_, shard_.loop().now_ms(), retry_ms);
      return log::warning("policy", "the groups in the store could not be read: {}; tried again", read.error().text);
    }
    loaded_ = true;
    live_->read_store(*read, shard_.loop().now_ms(), utc_now_ms());
    for (auto& [name, members] : *read) {
      groups_[name].insert(members.begin(), members.end());
      members_ += members.size();
    }
  });
}

// One change after the other: each finds what the one before it left.
void GroupKeeper::in_turn(std::move_only_function<void()> work) {
  if (busy_) return waiting_.push_back(std::move(work));
  busy_ = true;
  work();
}

void GroupKeeper::end_turn() {
  busy_ = false;
  if (waiting_.empty()) return;
  auto next = std::move(waiting_.front());
  waiting_.pop_front();
  in_turn(std::move(next));
}

void GroupKeeper::change(GroupChange change, std::move_only_function<void(Result<GroupChanged>)> done) {
  if (const auto fault = name_fault(change.group); !fault.empty()) {
    return done(fail(ErrorCode::invalid, std::string(fault)));
  }
  for (auto& address : change.addresses) {
    auto normal = member_address(address);
    if (!normal) return done(fail(ErrorCode::invalid, std::move(normal.error())));
    address = std::move(*normal);
  }
  std::ranges::sort(change.addresses);
  change.addresses.erase(std::ranges::unique(change.addresses).begin(), change.addresses.end());
  if (!loaded_) return done(fail(ErrorCode::unavailable, "the groups have not been read from the store yet"));
  in_turn([this, change = std::move(change), done = std::move(done)]() mutable {
    begin(std::move(change), std::move(done));
  });
}

void GroupKeeper::begin(GroupChange change, std::move_only_function<void(Result<GroupChanged>)> done) {
  const auto refuse = [&](ErrorCode code, std::string text) {
    done(fail(code, std::move(text)));
    end_turn();
  };
  const auto found = groups_.find(change.group);
  if (!change.add && found == groups_.end()) {
    std::vector<std::string_view> names;
    for (const auto& [name, members] : groups_) names.push_back(name);
    return refuse(ErrorCode::not_found, fmt::format("there is no group \"{}\" in the store{}", change.group,
                                                    config::nearest_hint(change.group, names)));
  }
  if (change.add && found == groups_.end() && groups_.size() >= StoredGroups::most_groups) {
    return refuse(ErrorCode::limit, fmt::format("there are {} groups already", groups_.size()));
  }
  auto work = std::make_shared<Work>(
      Work{.change = std::move(change), .done = std::move(done), .counted = {}, .error = std::nullopt});
  auto& addresses = work->change.addresses;
  if (!work->change.add && addresses.empty()) addresses.assign(found->second.begin(), found->second.end());
  const auto is_there = [&](const std::string& address) {
    return found != groups_.end() && found->second.contains(address);
  };
  work->counted.as_before =
      std::erase_if(addresses, [&](const std::string& address) { return is_there(address) == work->change.add; });
  if (work->change.add && members_ + addresses.size() > StoredGroups::most_members) {
    work->done(
        fail(ErrorCode::limit, fmt::format("all groups together have at most {} members", StoredGroups::most_members)));
    return end_turn();
  }
  submit_some(work);
}

void GroupKeeper::submit_some(const WorkPtr& work) {
  while (work->next < work->change.addresses.size() && work->under_way < at_once && !work->error) {
    ++work->under_way;
    submit(work, work->change.addresses[work->next++]);
  }
  if (work->under_way == 0 && !std::exchange(work->is_over, true)) finish(work);
}

void GroupKeeper::submit(const WorkPtr& work, std::string address) {
  const auto& [add, group, addresses] = work->change;
  auto unit = std::make_unique<core::Unit>();
  unit->record = record_of(group, address, add);
  if (add) {
    unit->writes.emplace_back(storage::PutAccountData{std::string(list_owner), data_kind, {group, {}}});
    unit->writes.emplace_back(
        storage::PutAccountData{owner_of(group), data_kind, {address, format_utc_ms(utc_now_ms())}});
  } else {
    unit->writes.emplace_back(storage::RemoveAccountData{owner_of(group), data_kind, address});
  }
  unit->done = [this, work, address = std::move(address)](core::Unit& finished) {
    --work->under_way;
    if (finished.outcome) {
      ++work->counted.changed;
      note(work->change.group, address, work->change.add);
    } else if (!work->error) {
      work->error = finished.outcome.error();
    }
    submit_some(work);
  };
  shard_.commit(std::move(unit));
}

void GroupKeeper::note(const std::string& group, const std::string& address, bool is_member) {
  auto& members = groups_[group];
  if (is_member) {
    members_ += members.insert(address).second ? 1 : 0;
  } else {
    members_ -= members.erase(address);
  }
}

// What became durable is in force from here on. A group without members is none.
void GroupKeeper::finish(const WorkPtr& work) {
  const auto& group = work->change.group;
  if (work->counted.changed != 0) publish(group);
  const auto found = groups_.find(group);
  work->counted.members = found == groups_.end() ? 0 : found->second.size();
  const auto answer = [this, work] {
    auto& error = work->error;
    if (error && work->counted.changed != 0) {
      error->text =
          fmt::format("{} of {} are done; then: {}", work->counted.changed, work->change.addresses.size(), error->text);
    }
    work->done(error ? Result<GroupChanged>(std::unexpected(*error)) : work->counted);
    end_turn();
  };
  if (found == groups_.end() || !found->second.empty()) return answer();
  auto unit = std::make_unique<core::Unit>();
  unit->record = record_of(group, {}, false);
  unit->writes.emplace_back(storage::RemoveAccountData{std::string(list_owner), data_kind, group});
  unit->done = [this, work, answer](core::Unit& finished) {
    if (finished.outcome) {
      groups_.erase(work->change.group);
    } else if (!work->error) {
      work->error = finished.outcome.error();
    }
    answer();
  };
  shard_.commit(std::move(unit));
}

void GroupKeeper::publish(const std::string& group) {
  const auto& members = groups_[group];
  live_->stored(group)->publish({members.begin(), members.end()}, shard_.loop().now_ms(), utc_now_ms());
}

void GroupKeeper::forget(const std::string& address, std::move_only_function<void(bool)> done) {
  if (!loaded_) return done(false);
  in_turn([this, address, done = std::move(done)]() mutable {
    std::vector<std::string> in;
    for (const auto& [group, members] : groups_) {
      if (members.contains(address)) in.push_back(group);
    }
    forget_next(address, std::move(in), std::move(done));
  });
}

void GroupKeeper::forget_next(const std::string& address, std::vector<std::string> in,
                              std::move_only_function<void(bool)> done) {
  if (in.empty()) {
    done(true);
    return end_turn();
  }
  auto group = std::move(in.back());
  in.pop_back();
  auto unit = std::make_unique<core::Unit>();
  unit->record = record_of(group, address, false);
  unit->writes.emplace_back(storage::RemoveAccountData{owner_of(group), data_kind, address});
  const bool last = groups_.at(group).size() == 1;
  if (last) unit->writes.emplace_back(storage::RemoveAccountData{std::string(list_owner), data_kind, group});
  unit->done = [this, address, group, last, in = std::move(in), done = std::move(done)](core::Unit& finished) mutable {
    if (!finished.outcome) {
      done(false);
      return end_turn();
    }
    note(group, address, false);
    publish(group);
    if (last) groups_.erase(group);
    forget_next(address, std::move(in), std::move(done));
  };
  shard_.commit(std::move(unit));
}

}  // namespace valise::modules
