// docs/sealed.md D3: what devices sealed last, so that a header that was used once serves no second payload. Ratchets
// refuse replays by themselves; this makes it dear to send what is no ratchet's. One object a shard, in memory alone.
#pragma once

#include <array>
#include <cstdint>
#include <list>
#include <span>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "modules/omemo/encrypted.hpp"

namespace valise::modules::omemo {

class Replay {
 public:
  static constexpr std::size_t most = 256;                                    // messages of a device
  static constexpr std::size_t most_devices = 64;                             // of an account
  static constexpr std::int64_t window_ms = 24LL * 3600 * 1000;               // and no longer than that
  static constexpr std::size_t process_memory = 64 * std::size_t{1'048'576};  // shared by all shards

  // `memory`: bytes; the devices that have sent nothing for the longest time are forgotten first. An account that makes
  // devices up makes its own forgotten: the first of them for each that is too many.
  explicit Replay(std::size_t memory = process_memory) : memory_limit_(memory) {}

  // The seals of one message or request, each of them valid; `account`: the sender's, bare. Null: they are new, and are
  // known from now on, or all that is known of them came under the same `id` and `to` before (without payload: under
  // the same `to`). Otherwise what is wrong.
  [[nodiscard]] const char* check(std::string_view account, std::string_view to, std::string_view id,
                                  std::span<const Envelope> seals, std::int64_t now_ms);

  void limit(std::size_t memory);
  [[nodiscard]] std::size_t memory() const noexcept { return memory_; }
  [[nodiscard]] std::size_t devices() const noexcept { return devices_.size(); }

 private:
  struct Sent {
    std::array<std::uint64_t, 4> keys;  // the smallest hashes, ascending; of fewer keys the last one again
    std::uint64_t payload;
    std::uint64_t address;  // of its `to` and id
    std::array<char, 12> iv;
    std::uint32_t second;
  };
  // 16 bits of the keys and of the iv of some messages, side by side: nearly always they tell that nothing is known.
  static constexpr std::size_t tags_each = 5;
  static constexpr std::size_t tagged_together = 16;
  using Tags = std::array<std::uint16_t, tags_each * tagged_together>;
  struct Device {
    std::uint64_t name;
    std::uint64_t account;
    std::vector<Sent> sent;  // a ring that begins at `oldest`
    std::vector<Tags> tags;  // of `sent`, in its order
    std::size_t oldest = 0;
    unsigned printable_ivs = 0;  // in a row
  };
  using Place = std::list<Device>::iterator;

  [[nodiscard]] static Sent describe(const Envelope& seal, std::uint64_t address, std::int64_t now_ms);
  [[nodiscard]] static bool may_know(const Device& device, const Envelope& seal);
  static void tag(Device& device, std::size_t place);
  [[nodiscard]] static std::size_t memory_of(const Device& device);
  [[nodiscard]] static bool is_over(const Sent& sent, std::int64_t now_ms);
  [[nodiscard]] const Device* find(std::uint64_t name) const;
  // Null: nothing like it is known. `again`: it is known, as it stands.
  [[nodiscard]] static const char* compare(const Device& device, const Envelope& seal, const Sent& sent,
                                           std::int64_t now_ms, bool& again);
  void remember(std::uint64_t account, std::uint64_t name, const Envelope& seal, const Sent& sent, std::int64_t now_ms);
  void make_room_in(std::uint64_t account);
  void put(Device& device, const Sent& sent, std::int64_t now_ms);
  void make_room(std::int64_t now_ms);
  void forget(Place device);

  std::list<Device> devices_;  // in front: who has sent last
  std::unordered_map<std::uint64_t, Place> by_name_;
  std::unordered_map<std::uint64_t, std::vector<std::uint64_t>> of_account_;  // names, in the order in which they came
  std::size_t memory_ = 0;
  std::size_t memory_limit_;
};

}  // namespace valise::modules::omemo
