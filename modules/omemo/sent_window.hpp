// The last messages of one device, found again by the hash of any of their keys or of their iv (docs/sealed.md D3).
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "base/clock.hpp"

namespace valise::modules::omemo {

class SentWindow {
 public:
  static constexpr std::size_t most = 256;         // messages
  static constexpr std::int64_t most_ms = day_ms;  // and no longer than that
  static constexpr std::size_t keys = 4;

  struct Sent {
    // By keyed_hash: of its keys the smallest, ascending, and at last of its iv. 0: none, and not to be found by.
    std::array<std::uint64_t, keys + 1> hashes{};
    std::uint64_t payload = 0;
    std::uint64_t address = 0;  // of its `to` and id
    std::uint32_t second = 0;

    [[nodiscard]] bool is_over(std::int64_t now_ms) const { return now_ms / 1'000 - second > most_ms / 1'000; }
    [[nodiscard]] bool is_same(const Sent& other) const {
      return hashes == other.hashes && payload == other.payload && address == other.address;
    }
  };

  // Calls visit(sent) for all that have the hash; its cost does not grow with the messages.
  template <class Visit>
  void each_with(std::uint64_t hash, Visit visit) const {
    if (hash == 0 || heads_.empty()) return;
    for (auto link = heads_[bucket(hash)]; link != no_link; link = next_[link]) {
      const auto& sent = ring_[link / links];
      if (sent.hashes[link % links] == hash) visit(sent);
    }
  }

  // In the place of the oldest one when there are `most`, or when that one is over.
  void put(const Sent& sent, std::int64_t now_ms);
  // At least one was put.
  [[nodiscard]] const Sent& newest() const { return ring_[(oldest_ + ring_.size() - 1) % ring_.size()]; }
  [[nodiscard]] std::size_t memory() const {
    return ring_.capacity() * sizeof(Sent) + (next_.capacity() + heads_.capacity()) * sizeof(Link);
  }

 private:
  // A hash of a message: its place * links + which one. Those of one bucket are a list.
  using Link = std::uint16_t;
  static constexpr std::size_t links = keys + 1;
  static constexpr Link no_link = 0xffff;

  [[nodiscard]] std::size_t bucket(std::uint64_t hash) const { return hash & (heads_.size() - 1); }
  void add_place();
  void link(std::size_t place);
  void unlink(std::size_t place);

  std::vector<Sent> ring_;   // begins at `oldest_`
  std::vector<Link> next_;   // of each hash in it
  std::vector<Link> heads_;  // of buckets, by the last bits of a hash
  std::size_t oldest_ = 0;
};

}  // namespace valise::modules::omemo
