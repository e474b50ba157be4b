// The sessions of one shard that have no connection and may get one again (XEP-0198 §5), and what is remembered of
// those that nobody came back to. All bounded: sessions of an account and of the shard, endings of the shard.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "core/shard.hpp"
#include "stream/live_session.hpp"

namespace valise::stream {

class Hibernation {
 public:
  explicit Hibernation(core::Shard& shard) : shard_(shard) {}
  Hibernation(const Hibernation&) = delete;
  Hibernation& operator=(const Hibernation&) = delete;

  // Keeps a detached session until it is taken or its time has run out. Where an account or the shard has too many of
  // them, the oldest ends.
  void add(std::unique_ptr<LiveSession> session);
  // Gives it to whoever carries it next, or buries it.
  [[nodiscard]] std::unique_ptr<LiveSession> take(LiveSession& session);

  // The session of the account, detached or not, that was given this id; null: there is none.
  [[nodiscard]] static LiveSession* find(const core::Account& account, std::string_view id);
  // The account's that is detached for longest; null: none is.
  [[nodiscard]] static LiveSession* oldest_of(const core::Account& account);
  // Ends so many of the shard, the oldest first.
  void end_oldest(std::size_t count);
  [[nodiscard]] std::size_t size() const noexcept { return sleeping_.size(); }

  // A session that could have been resumed has ended: how many stanzas of its client were handled.
  void remember(std::string id, std::string account, std::uint32_t h);
  [[nodiscard]] std::optional<std::uint32_t> recall(std::string_view id, std::string_view account) const;

 private:
  struct Ended {
    std::string account;
    std::uint32_t h;
  };
  core::Shard& shard_;
  std::map<std::uint64_t, std::unique_ptr<LiveSession>> sleeping_;  // by place: the order in which they came
  std::uint64_t places_ = 0;
  core::TextMap<Ended> ended_;  // by id
  std::deque<std::string> ended_order_;
};

}  // namespace valise::stream
