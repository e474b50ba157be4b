// docs/sealed.md D3: what devices sealed last, so that a header that was used once serves no second payload. Ratchets
// refuse replays by themselves; this makes it dear to send what is no ratchet's. One object a shard, in memory alone.
#pragma once

#include <cstdint>
#include <list>
#include <span>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "modules/omemo/encrypted.hpp"
#include "modules/omemo/sent_window.hpp"

namespace valise::modules::omemo {

class Replay {
 public:
  static constexpr std::size_t most = SentWindow::most;                       // messages of a device
  static constexpr std::size_t most_devices = 64;                             // of an account
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
  using Sent = SentWindow::Sent;
  struct Device {
    std::uint64_t name;
    std::uint64_t account;
    SentWindow window;
    unsigned printable_ivs = 0;  // in a row
  };
  using Place = std::list<Device>::iterator;

  [[nodiscard]] static Sent describe(const Envelope& seal, std::uint64_t address, std::int64_t now_ms);
  [[nodiscard]] static std::size_t memory_of(const Device& device);
  [[nodiscard]] const Device* find(std::uint64_t name) const;
  // Null: nothing like it is known. `again`: it is known, as it stands.
  [[nodiscard]] static const char* compare(const Device& device, const Envelope& seal, const Sent& sent,
                                           std::int64_t now_ms, bool& again);
  void remember(std::uint64_t account, std::uint64_t name, const Envelope& seal, const Sent& sent, std::int64_t now_ms);
  void make_room_in(std::uint64_t account);
  void make_room(std::int64_t now_ms);
  void forget(Place device);

  std::list<Device> devices_;  // in front: who has sent last
  std::unordered_map<std::uint64_t, Place> by_name_;
  std::unordered_map<std::uint64_t, std::vector<std::uint64_t>> of_account_;  // names, in the order in which they came
  std::size_t memory_ = 0;
  std::size_t memory_limit_;
};

}  // namespace valise::modules::omemo
