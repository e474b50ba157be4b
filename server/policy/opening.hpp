// When a matcher that asks of the time alone is true next.
#pragma once

#include <cstdint>
#include <optional>

#include "policy/matcher.hpp"

namespace valise::policy {

inline constexpr std::int64_t most_days_ahead = 400;  // a day of each year comes

// Made of Hours, Weekday, Date, Holiday and nothing else.
[[nodiscard]] bool is_of_time(const Matcher& matcher);
// Local time in minutes since 1970-01-01 00:00, of a day since then and the minute of its week (Facts).
[[nodiscard]] std::int64_t local_minute(std::int32_t day, std::uint16_t minute_of_week) noexcept;
[[nodiscard]] inline std::int64_t local_minute(const Facts& facts) noexcept {
  return local_minute(facts.day, facts.minute_of_week);
}
// The first minute from `from` on (of local time, as above) at which it is true; nothing within most_days_ahead: none.
[[nodiscard]] std::optional<std::int64_t> next_minute(const Matcher& open, std::int64_t from);
// Milliseconds since 1970-01-01 00:00 UTC. A minute that this zone leaves out or has twice (the clocks change) is one
// of those beside it.
[[nodiscard]] std::int64_t utc_ms_of(std::int64_t local_minute);
// "2026-07-13 08:00"
[[nodiscard]] std::string text_of(std::int64_t local_minute);

}  // namespace valise::policy
