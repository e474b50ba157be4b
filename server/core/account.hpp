// One local account in memory, on its home shard: its sessions, what modules keep of it, and the order of what is
// delivered to it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/fifo.hpp"
#include "core/copies.hpp"
#include "core/session.hpp"
#include "storage/types.hpp"

namespace valise::core {

struct AgainLine;

class Account {
 public:
  explicit Account(Jid bare);
  ~Account();
  Account(const Account&) = delete;
  Account& operator=(const Account&) = delete;

  const Jid jid;        // bare
  bool exists = false;  // a row with state active or disabled
  storage::AccountState state = storage::AccountState::active;
  std::uint64_t credentials = 0;   // auth::fingerprint of its keys, when the row was last read
  std::vector<Session*> sessions;  // bound ones, in the order of binding
  std::int64_t last_used_ms = 0;   // loop time: when it may leave memory
  // Subscription stanzas of its sessions, and for it, that wait until something is durable, messages that wait to begin
  // again, and what waits behind them: nothing overtakes them (RFC 6120 §10.1).
  std::uint32_t departing = 0, arriving = 0;
  std::unique_ptr<AgainLine> again;  // messages that wait to begin again (core/again.hpp); null: none do
  const Ref<Watchers> watchers = make_ref<Watchers>();

  [[nodiscard]] Session* find(std::string_view resource) const;
  [[nodiscard]] Session* find_id(std::uint64_t session_id) const;

  template <class T>
  [[nodiscard]] T* part(unsigned slot) const {
    return slot < parts_.size() ? static_cast<T*>(parts_[slot].get()) : nullptr;
  }
  // To read: an empty one where there is none.
  template <class T>
  [[nodiscard]] const T& part_or_empty(unsigned slot) const {
    static const T empty{};
    const auto* found = part<T>(slot);
    return found == nullptr ? empty : *found;
  }
  // To change.
  template <class T>
  [[nodiscard]] T& ensure_part(unsigned slot) {
    if (slot >= parts_.size()) parts_.resize(slot + 1);
    if (!parts_[slot]) parts_[slot] = std::make_unique<T>();
    return static_cast<T&>(*parts_[slot]);
  }
  void set_parts(std::vector<std::unique_ptr<Part>> parts) { parts_ = std::move(parts); }

  // -- Order of delivery: what waits for no commit may still not overtake what does (ARCHITECTURE.md, "Order").
  // A unit is handed to the committer; `bytes`: what it and its `done` keep in memory until then …
  void commit_begun(std::size_t bytes = 0) {
    ++begun_;
    waiting_bytes_ += bytes;
  }
  // … and has come back; runs what waited for it. `at_once` (Unit::at_once): the committer never had it, so it counts
  // for none of those that are under way. `bytes`: as it began.
  void commit_ended(bool at_once = false, std::size_t bytes = 0);
  // Runs `deliver` now, or behind all commits that are under way; `bytes`: what it keeps in memory until then. What
  // others can cause asks Shard::has_room first.
  void in_order(std::move_only_function<void()> deliver, std::size_t bytes = 0);
  // A place in the order is held, in front of all that waits, for what comes before that (core/again.hpp): nothing that
  // waits runs, and whatever comes waits …
  void hold_order();
  // … until here, and then for the commits that began meanwhile.
  void release_order();
  // While it is held, at that place: behind all commits that are under way. One at a time.
  void first_in_order(std::move_only_function<void()> deliver, std::size_t bytes);
  [[nodiscard]] bool has_commits() const noexcept { return begun_ != ended_; }
  [[nodiscard]] bool has_waiting() const noexcept { return !waiting_.empty(); }
  // Of what waits in order and of changes that are being committed.
  [[nodiscard]] std::size_t waiting_bytes() const noexcept { return waiting_bytes_; }
  [[nodiscard]] bool idle() const noexcept {
    return sessions.empty() && begun_ == ended_ && waiting_.empty() && !running_;
  }

 private:
  struct Waiting {
    std::uint64_t behind;
    std::size_t bytes;
    std::move_only_function<void()> deliver;
  };
  static constexpr std::uint64_t held = ~std::uint64_t{0};  // Waiting::behind of a place that is held
  void run_waiting();
  void wait_for_all_begun();
  std::vector<std::unique_ptr<Part>> parts_;
  std::uint64_t begun_ = 0;
  std::uint64_t ended_ = 0;
  Fifo<Waiting> waiting_;
  std::size_t waiting_bytes_ = 0;
  bool running_ = false;  // what waited: one behind the other, not one inside the other
};

}  // namespace valise::core
