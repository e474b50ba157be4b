// XEP-0198 §4: what was sent to a client and not acknowledged, and, while it has no connection, what is to be sent. In
// order; the part that was sent comes first. Pure: it sends nothing itself.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "core/custody.hpp"
#include "core/stanza.hpp"

namespace valise::stream {

// One stanza as one session gets it.
struct Outbound {
  enum class To : std::uint8_t { stanzas_own, account, session };  // whose address it carries

  core::StanzaPtr stanza;
  std::string extra;                 // as in Stanza::append
  core::Custody* custody = nullptr;  // lent; told when it leaves the queue
  std::int64_t since_ms = 0;         // UTC: when the session was given it
  To to = To::stanzas_own;

  [[nodiscard]] std::size_t bytes() const noexcept { return sizeof *this + stanza->memory() + extra.size(); }
};

class OutboundQueue {
 public:
  // `count`: as if so many stanzas had been sent and acknowledged.
  explicit OutboundQueue(std::uint64_t count = 0) : acknowledged_(count) {}

  // Behind all others, unsent. Where `fold` is true, presence of the same sender to the same address that waits unsent
  // goes: it says nothing any more.
  void push(Outbound entry, bool fold = false);
  // The first that is not sent, which counts as sent from now on; null: all are.
  [[nodiscard]] const Outbound* send_next() noexcept;
  [[nodiscard]] bool all_sent() const noexcept { return sent_ == size(); }

  enum class Answer : std::uint8_t { good, too_high };
  // The client has handled `h` stanzas in all (modulo 2^32). An `h` that was said before changes nothing; one beyond
  // what was sent changes nothing either and is too high. The custodies of what has left the queue stand in `received`;
  // the caller tells them.
  [[nodiscard]] Answer acknowledge(std::uint32_t h, std::vector<core::Custody*>& received);
  // Whether acknowledge(h) would be good.
  [[nodiscard]] bool knows(std::uint32_t h) const noexcept { return ahead(h) <= static_cast<std::int64_t>(sent_); }
  // On a new connection, behind acknowledge(): all that is left is to be sent again, under the same numbers.
  void rewind() noexcept;
  // Empties it.
  [[nodiscard]] std::vector<Outbound> take_all();
  // Each that is still here, in order.
  template <class Visit>
  void each(Visit visit) const {
    for (auto i = first_; i < entries_.size(); ++i) visit(entries_[i]);
  }

  // Modulo 2^32, as the wire has it.
  [[nodiscard]] std::uint32_t sent_count() const noexcept { return static_cast<std::uint32_t>(acknowledged_ + sent_); }
  [[nodiscard]] std::size_t unacknowledged() const noexcept { return sent_; }  // sent, and nothing heard of it
  [[nodiscard]] std::size_t size() const noexcept { return entries_.size() - first_; }
  [[nodiscard]] std::size_t bytes() const noexcept { return bytes_; }

 private:
  // How many of those that were sent `h` covers; negative: it was said before.
  [[nodiscard]] std::int64_t ahead(std::uint32_t h) const noexcept;
  void fold_presence(const Outbound& newer);
  void drop_front(std::size_t count);

  std::vector<Outbound> entries_;  // from first_ on
  std::size_t first_ = 0;
  std::size_t sent_ = 0;  // of those behind first_
  std::size_t bytes_ = 0;
  std::uint64_t acknowledged_ = 0;  // ever
};

}  // namespace valise::stream
