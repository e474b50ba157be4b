// Sessions that want to see what others of their account get and send (XEP-0280). The kernel counts them and tells the
// module that copies when a message is on its way for good, so that nothing is done, and nothing allocated, where
// nobody wants to.
#pragma once

#include <atomic>
#include <cstdint>
#include <span>
#include <string_view>

#include "base/ref.hpp"

namespace valise::core {

class Account;
class Jid;
struct Stanza;

// How many such sessions an account has. Changed on its home shard, read on any thread.
class Watchers : public RefCounted<Watchers> {
 public:
  [[nodiscard]] bool any() const noexcept { return count_.load() != 0; }
  void come() noexcept { count_.fetch_add(1); }
  void go() noexcept { count_.fetch_sub(1); }

 private:
  std::atomic<std::uint32_t> count_{0};
};

// All on the home shard of the account that is named. `id`: of the message's row or unit, its place among others; 0: it
// has none. `extra`: what the server stamps on the message, as in Stanza::append.
class MessageCopies {
 public:
  // Whether somebody would see a message that came for the account and that no session takes.
  [[nodiscard]] virtual bool is_watched(const Account& account, const Stanza& message) const = 0;
  // A message has come for the account, in its place in the order of what the account gets. `receivers`: ids of the
  // sessions that get it themselves.
  virtual void arrived(Account& account, const Stanza& message, std::span<const std::uint64_t> receivers,
                       std::uint64_t id, std::string_view extra) = 0;
  // A session of the account has sent a message to another account; in the order of ids, if it has one.
  virtual void sent(Account& account, const Stanza& message, std::uint64_t id, std::string_view extra) = 0;

 protected:
  ~MessageCopies() = default;
};

// Who tells devices that are away that something came for their person (XEP-0357). On the account's home shard.
class Arrivals {
 public:
  // A message that a person is told of (Flow::tells) is durable for the account, and is in the hands of those of its
  // sessions that take messages now. `again`: it was told of before, and the session that had it has ended without it.
  virtual void arrived(Account& account, const Jid& sender, bool again) = 0;

 protected:
  ~Arrivals() = default;
};

}  // namespace valise::core
