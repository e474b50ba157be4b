// Messages that begin again, because the sessions that had them are over (Handover): all of a session at once, as many
// as limits.queue holds. One does so in each turn of the shard, so that nobody waits for all that one client did not
// read. The rest waits, in the order in which they were first to be delivered, and what else comes for their account
// waits behind them. Home shard only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>

#include "core/flow.hpp"
#include "net/loop.hpp"

namespace valise::core {

class Shard;

// What waits of one account (Account::again).
struct AgainLine {
  enum class State : std::uint8_t {
    behind,   // something comes before it in the account's order
    ready,    // waits for a share; from here on its place in the order is held
    begins,   // one of it does so just now
    commits,  // the one that has begun waits for the commits that are under way
  };
  std::deque<std::unique_ptr<Flow>> flows;  // by Flow::number
  State state = State::behind;
};

class Again final : private net::Share {
 public:
  explicit Again(Shard& shard) : shard_(shard) {}
  ~Again();

  // Now, as if it arrived; in a turn to come where others of the account wait or this turn has had its share.
  void begin(Account& account, std::unique_ptr<Flow> flow);
  // All that waits for the account, now.
  void begin_all(Account& account);
  // The server ends: all that waits, now, and nothing waits from now on.
  void finish();
  // Account::in_order for a message that begins again: it stays before what waits for its account.
  void in_order(Account& account, std::move_only_function<void()> deliver, std::size_t bytes);
  // Of what waits.
  [[nodiscard]] std::size_t waiting_bytes() const noexcept { return waiting_bytes_; }

 private:
  void on_share() override;
  void its_turn(Account& account);
  void begin_first(Account& account);
  void go_on(Account& account);
  void close(Account& account);
  [[nodiscard]] bool has_share() const;
  void takes_share();

  Shard& shard_;
  std::deque<Account*> ready_;  // whose line is
  std::size_t waiting_bytes_ = 0;
  std::uint64_t turn_ = 0;  // in which the last one began
  bool finished_ = false;
};

}  // namespace valise::core
