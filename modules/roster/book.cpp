#include "modules/roster/book.hpp"

#include <algorithm>

namespace valise::modules::roster {

bool looks_equal(const storage::RosterItem* a, const storage::RosterItem* b) noexcept {
  if (a != nullptr && is_hidden(*a)) a = nullptr;
  if (b != nullptr && is_hidden(*b)) b = nullptr;
  if (a == nullptr || b == nullptr) return a == b;
  return a->name == b->name && a->groups == b->groups && a->subscription == b->subscription && a->ask == b->ask &&
         a->approved == b->approved;
}

Book::Book(storage::Roster roster)
    : items_(std::move(roster.items)), version_(roster.version), known_since_(roster.version) {
  std::ranges::sort(items_, {}, &storage::RosterItem::jid);
  hidden_ = static_cast<std::size_t>(std::ranges::count_if(items_, is_hidden));
}

const storage::RosterItem* Book::find(std::string_view jid) const noexcept {
  const auto found = std::ranges::lower_bound(items_, jid, {}, &storage::RosterItem::jid);
  return found != items_.end() && found->jid == jid ? &*found : nullptr;
}

void Book::put(std::string_view jid, std::optional<storage::RosterItem> item) {
  const auto at = std::ranges::lower_bound(items_, jid, {}, &storage::RosterItem::jid);
  const bool there = at != items_.end() && at->jid == jid;
  if (there && is_hidden(*at)) --hidden_;
  if (item && is_hidden(*item)) ++hidden_;
  if (item && there) {
    *at = std::move(*item);
  } else if (item) {
    items_.insert(at, std::move(*item));
  } else if (there) {
    items_.erase(at);
  }
}

void Book::begin(std::string_view jid, std::optional<storage::RosterItem> next) {
  const auto [pending, first] = pending_.try_emplace(std::string(jid));
  if (first) {
    if (const auto* now = find(jid)) pending->second.durable = *now;
  }
  ++pending->second.units;
  put(jid, std::move(next));
}

void Book::succeeded(std::string_view jid, std::optional<storage::RosterItem> written, std::uint64_t version) {
  const auto pending = pending_.find(jid);
  if (pending == pending_.end()) return;
  version_ = std::max(version_, version);
  const bool was_visible = pending->second.durable && !is_hidden(*pending->second.durable);
  if (written) {
    written->version = version;
  } else if (was_visible) {
    removed_.emplace_back(version, jid);
    if (removed_.size() > max_removed) {
      known_since_ = removed_.front().first;
      removed_.erase(removed_.begin());
    }
  }
  pending->second.durable = std::move(written);
  came_back(pending);
}

void Book::failed(std::string_view jid) {
  const auto pending = pending_.find(jid);
  if (pending != pending_.end()) came_back(pending);
}

void Book::came_back(std::map<std::string, Pending, std::less<>>::iterator pending) {
  if (--pending->second.units > 0) return;
  put(pending->first, std::move(pending->second.durable));
  pending_.erase(pending);
}

std::optional<Book::Changes> Book::since(std::uint64_t version) const {
  if (version > version_) return std::nullopt;  // not one of ours
  Changes changes;
  if (version == version_) return changes;
  if (version < known_since_) return std::nullopt;
  for (const auto& item : items_) {
    if (item.version > version && !is_hidden(item)) changes.items.push_back(&item);
  }
  std::ranges::sort(changes.items, {}, &storage::RosterItem::version);
  for (const auto& gone : removed_) {
    const auto* now = find(gone.second);
    if (gone.first > version && (now == nullptr || is_hidden(*now))) changes.removed.push_back(gone);
  }
  return changes;
}

}  // namespace valise::modules::roster
