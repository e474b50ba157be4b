#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace valise {

// Wall clock, UTC, nanoseconds since 1970. For stamps and records only; a step of it must never matter to order.
[[nodiscard]] inline std::int64_t utc_now_ns() noexcept {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::system_clock::now().time_since_epoch())
      .count();
}

// The same in milliseconds.
[[nodiscard]] inline std::int64_t utc_now_ms() noexcept { return utc_now_ns() / 1'000'000; }

// Monotonic clock, milliseconds. For timers, rates and waits.
[[nodiscard]] inline std::int64_t steady_ms() noexcept {
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

inline constexpr std::int64_t day_ms = 24LL * 3600 * 1000;

// XEP-0082 DateTime in UTC with milliseconds, e.g. "2026-11-24T14:30:02.123Z".
[[nodiscard]] std::string format_utc(std::int64_t utc_ns);
[[nodiscard]] std::string format_utc_ms(std::int64_t utc_ms);  // the same of milliseconds; also after 2262

// Reads an XEP-0082 DateTime, in whatever zone: microseconds since 1970, more digits are cut off. Nothing if it is
// none.
[[nodiscard]] std::optional<std::int64_t> parse_utc(std::string_view text) noexcept;

// Makes the 64-bit ids of stored things: milliseconds since 2024 << 22 | node << 12 | counter. Positive as the signed
// integers that databases keep until September 2093. Strictly increasing within one generator, also when the wall clock
// steps back or more than 4,096 ids fall into one millisecond (the millisecond part then runs ahead). Not thread-safe:
// the committer owns one.
class IdGenerator {
 public:
  static constexpr std::int64_t epoch_ms = 1'704'067'200'000;  // 2024-01-01T00:00:00Z; stored ids depend on it

  // node: 0 … 1023. `last`: the greatest id ever handed out before this start (0 if none).
  explicit IdGenerator(unsigned node, std::uint64_t last = 0) noexcept
      : node_(static_cast<std::uint64_t>(node & 0x3ff) << 12), last_(last) {}
  [[nodiscard]] std::uint64_t next() noexcept { return next(utc_now_ms()); }
  // `now_ms`: the wall clock, milliseconds since 1970. One that stands before 2024 is taken for 2024.
  [[nodiscard]] std::uint64_t next(std::int64_t now_ms) noexcept;
  // When an id was made, milliseconds since 1970, and the smallest id of a millisecond from 2024 on.
  [[nodiscard]] static constexpr std::int64_t utc_ms(std::uint64_t id) noexcept {
    return static_cast<std::int64_t>(id >> 22) + epoch_ms;
  }
  [[nodiscard]] static constexpr std::uint64_t first_of(std::int64_t ms) noexcept {
    return static_cast<std::uint64_t>(ms - epoch_ms) << 22;
  }

 private:
  std::uint64_t node_;
  std::uint64_t last_;
};

}  // namespace valise
