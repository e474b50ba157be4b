// One account's roster in memory, between its rows and the requests that change it. A change shows at once, so that
// the next request builds on it; a unit that fails takes it back. Pure: knows neither shard nor session.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/session.hpp"
#include "storage/types.hpp"

namespace valise::modules::roster {

// A row that only keeps an unanswered request of somebody who is not in the roster (types.hpp): its `pending_in` begins
// with this blank, so that it stays apart from an item without a name that the user did add.
inline constexpr char hidden_mark = ' ';
[[nodiscard]] inline bool is_hidden(const storage::RosterItem& item) noexcept {
  return !item.pending_in.empty() && item.pending_in.front() == hidden_mark;
}
// What clients see of two rows is the same (no push is due).
[[nodiscard]] bool looks_equal(const storage::RosterItem* a, const storage::RosterItem* b) noexcept;

class Book final : public core::Part {
 public:
  explicit Book(storage::Roster roster);

  // Hidden ones too. Valid until the next change.
  [[nodiscard]] const storage::RosterItem* find(std::string_view jid) const noexcept;
  [[nodiscard]] const std::vector<storage::RosterItem>& items() const noexcept { return items_; }  // sorted by JID
  [[nodiscard]] std::size_t visible() const noexcept { return items_.size() - hidden_; }
  [[nodiscard]] std::size_t hidden() const noexcept { return hidden_; }
  [[nodiscard]] std::uint64_t version() const noexcept { return version_; }

  // A unit that writes `next` (nothing: removes the row) is on its way: memory shows it from now on.
  void begin(std::string_view jid, std::optional<storage::RosterItem> next);
  // That unit came back. `written` as given to begin(); `version`: the unit's id. Units come back in the order of
  // begin(). When the last one for a JID is back, memory is what the store holds.
  void succeeded(std::string_view jid, std::optional<storage::RosterItem> written, std::uint64_t version);
  void failed(std::string_view jid);

  // XEP-0237: what changed since a version that a client named: items and removed JIDs. Nothing: not known, the whole
  // roster is due.
  struct Changes {
    std::vector<const storage::RosterItem*> items;  // in order of version
    std::vector<std::pair<std::uint64_t, std::string>> removed;
  };
  [[nodiscard]] std::optional<Changes> since(std::uint64_t version) const;

 private:
  struct Pending {
    unsigned units = 0;
    std::optional<storage::RosterItem> durable;  // what the store holds
  };
  void put(std::string_view jid, std::optional<storage::RosterItem> item);
  void came_back(std::map<std::string, Pending, std::less<>>::iterator pending);

  static constexpr std::size_t max_removed = 64;
  std::vector<storage::RosterItem> items_;
  std::size_t hidden_ = 0;
  std::uint64_t version_;
  std::map<std::string, Pending, std::less<>> pending_;
  // Removals since the account was loaded; older versions than `known_since_` can't be answered by changes.
  std::vector<std::pair<std::uint64_t, std::string>> removed_;
  std::uint64_t known_since_;
};

}  // namespace valise::modules::roster
