#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <string>

namespace valise {

// Wall clock, UTC, nanoseconds since 1970. For stamps and records only; a step of it must never matter to order.
[[nodiscard]] inline std::int64_t utc_now_ns() noexcept {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::system_clock::now().time_since_epoch())
      .count();
}

// Monotonic clock, milliseconds. For timers, rates and waits.
[[nodiscard]] inline std::int64_t steady_ms() noexcept {
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

// XEP-0082 DateTime in UTC with milliseconds, e.g. "2026-11-24T14:30:02.123Z".
[[nodiscard]] std::string format_utc(std::int64_t utc_ns);

// Makes the 64-bit ids of stored things: milliseconds << 22 | node << 12 | counter. Strictly increasing within
// one generator, also when the wall clock steps back or more than 4,096 ids fall into one millisecond (the
// millisecond part then runs ahead). Not thread-safe: the committer owns one.
class IdGenerator {
 public:
  // node: 0 … 1023. `last`: the greatest id ever handed out before this start (0 if none).
  explicit IdGenerator(unsigned node, std::uint64_t last = 0) noexcept
      : node_(static_cast<std::uint64_t>(node & 0x3ff) << 12), last_(last) {}
  [[nodiscard]] std::uint64_t next() noexcept;
  [[nodiscard]] static std::int64_t utc_ms(std::uint64_t id) noexcept { return static_cast<std::int64_t>(id >> 22); }

 private:
  std::uint64_t node_;
  std::uint64_t last_;
};

}  // namespace valise
