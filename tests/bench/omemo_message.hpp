// Messages as an OMEMO client sends them (XEP-0384 0.3, legacy namespace): right framing and sizes, random content.
// Nobody can decrypt them; a server that checks the structure must accept them.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.hpp"
#include "event_loop.hpp"

namespace valise::bench {

// xoshiro256**: content for messages costs nanoseconds. Not for keys.
class FastRandom {
 public:
  FastRandom();
  [[nodiscard]] std::uint64_t next() noexcept;
  void fill(unsigned char* out, std::size_t size) noexcept;

 private:
  std::array<std::uint64_t, 4> state_;
};

// The same device ids for the same name in every run: a server may know them from a published list.
struct DeviceIds {
  std::uint32_t own = 0;    // the device that sends
  std::uint32_t other = 0;  // the account's second device
};
[[nodiscard]] DeviceIds devices_of(std::string_view user) noexcept;

// What a bench message's id says: which flow, the how manyth, when it was due (now_ns()).
struct Stamp {
  std::uint32_t flow = 0;
  std::uint32_t sequence = 0;
  Nanos due = 0;
};
[[nodiscard]] bool parse_stamp(std::string_view id, Stamp& stamp) noexcept;

// Makes the messages of one sender to one recipient: two keys (the recipient's device, the sender's other device),
// iv and a payload of 96 bytes; about 970 bytes in all. Ratchet keys, ciphertexts, MACs, iv and payload are fresh in
// every message, the counter runs.
class MessageMaker {
 public:
  MessageMaker(std::string_view from_user, std::string_view to_user, std::string_view to, FastRandom& random);
  // Valid until the next call.
  [[nodiscard]] std::string_view make(const Stamp& stamp);

 private:
  void add_slot(std::string_view before, std::size_t characters, std::size_t& position);

  FastRandom& random_;
  std::string text_;  // a whole message; make() overwrites the slots in place
  std::size_t id_ = 0, origin_id_ = 0, iv_ = 0, payload_ = 0;
  std::array<std::size_t, 2> keys_{};
  std::uint32_t counter_ = 0;
};

}  // namespace valise::bench
