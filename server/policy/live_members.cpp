#include "policy/live_members.hpp"

#include <fmt/core.h>

#include <utility>

namespace valise::policy {

LiveMembers::LiveMembers(std::string name, std::shared_ptr<std::atomic<std::uint64_t>> changes)
    : name_(std::move(name)), changes_(std::move(changes)) {}

std::shared_ptr<const LiveMembers::Known> LiveMembers::known() const {
  const std::lock_guard lock(mutex_);
  return known_;
}

LiveMembers::Report LiveMembers::report() const {
  const std::lock_guard lock(mutex_);
  return report_;
}

void LiveMembers::publish(std::vector<std::string> members, std::int64_t now_ms, std::int64_t utc_ms,
                          std::size_t left_out) {
  const auto count = members.size();
  auto made = std::make_shared<const Known>(std::move(members), now_ms);
  {
    const std::lock_guard lock(mutex_);
    std::swap(known_, made);  // the old one is freed without the lock
    report_.members = count;
    report_.left_out = left_out;
    report_.answered_ms = utc_ms;
    report_.error.clear();
  }
  changes_->fetch_add(1, std::memory_order_release);
}

void LiveMembers::note_failure(std::string error, std::int64_t utc_ms) {
  const std::lock_guard lock(mutex_);
  ++report_.failures;
  report_.failed_ms = utc_ms;
  report_.error = std::move(error);
}

LiveGroups::LiveGroups(bool store_is_read)
    : changes_(std::make_shared<std::atomic<std::uint64_t>>(1)), store_is_read_(store_is_read) {}

std::shared_ptr<LiveMembers> LiveGroups::stored(const std::string& group) {
  const std::lock_guard lock(mutex_);
  auto& found = stored_[group];
  if (!found) {
    found = std::make_shared<LiveMembers>("store " + group, changes_);
    if (store_is_read_) found->publish({}, 0, 0);
  }
  return found;
}

std::shared_ptr<LiveMembers> LiveGroups::directory(const DirectorySearch& search) {
  // Each text with its length: no two searches have one name.
  std::string name =
      fmt::format("ldap {} {} {}", static_cast<unsigned>(search.security), search.timeout_ms, search.refresh_ms);
  for (const auto* text : {&search.uri, &search.base, &search.filter, &search.attribute, &search.bind_dn,
                           &search.password_file, &search.ca_file}) {
    name += fmt::format(" {}:{}", text->size(), *text);
  }
  const std::lock_guard lock(mutex_);
  std::erase_if(directories_, [](const auto& one) { return one.second.expired(); });
  auto& found = directories_[name];
  auto alive = found.lock();
  if (!alive) found = alive = std::make_shared<LiveMembers>(name, changes_);
  return alive;
}

void LiveGroups::read_store(const std::map<std::string, std::vector<std::string>>& groups, std::int64_t now_ms,
                            std::int64_t utc_ms) {
  const std::lock_guard lock(mutex_);
  store_is_read_ = true;
  for (const auto& [name, members] : groups) {
    auto& found = stored_[name];
    if (!found) found = std::make_shared<LiveMembers>("store " + name, changes_);
    found->publish(members, now_ms, utc_ms);
  }
  for (const auto& [name, members] : stored_) {
    if (!groups.contains(name)) members->publish({}, now_ms, utc_ms);
  }
}

}  // namespace valise::policy
