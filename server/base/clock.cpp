#include "base/clock.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <ctime>

namespace valise {

std::string format_utc(std::int64_t utc_ns) { return format_utc_ms(utc_ns / 1'000'000); }

std::string format_utc_ms(std::int64_t ms) {
  const std::time_t seconds = ms / 1000;
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", parts.tm_year + 1900, parts.tm_mon + 1,
                     parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec, ms % 1000);
}

namespace {

// Exactly so many digits, taken off `text`.
std::optional<int> digits(std::string_view& text, std::size_t count) noexcept {
  if (text.size() < count) return std::nullopt;
  int value = 0;
  for (const char c : text.substr(0, count)) {
    if (c < '0' || c > '9') return std::nullopt;
    value = value * 10 + (c - '0');
  }
  text.remove_prefix(count);
  return value;
}

bool take(std::string_view& text, char c) noexcept {
  if (!text.starts_with(c)) return false;
  text.remove_prefix(1);
  return true;
}

// hh:mm, in minutes.
std::optional<int> hours_minutes(std::string_view& text) noexcept {
  const auto hours = digits(text, 2);
  if (!hours || *hours > 23 || !take(text, ':')) return std::nullopt;
  const auto minutes = digits(text, 2);
  if (!minutes || *minutes > 59) return std::nullopt;
  return *hours * 60 + *minutes;
}

// The fraction of a second, in microseconds; 0 without one.
std::optional<int> fraction(std::string_view& text) noexcept {
  constexpr std::size_t most = 32;  // digits
  if (!take(text, '.')) return 0;
  int value = 0;
  std::size_t count = 0;
  for (; !text.empty() && text.front() >= '0' && text.front() <= '9'; text.remove_prefix(1), ++count) {
    if (count < 6) value = value * 10 + (text.front() - '0');
  }
  if (count == 0 || count > most) return std::nullopt;
  for (; count < 6; ++count) value *= 10;
  return value;
}

// Z or ±hh:mm, in minutes east.
std::optional<int> zone(std::string_view& text) noexcept {
  if (take(text, 'Z')) return 0;
  const bool west = text.starts_with('-');
  if (!take(text, west ? '-' : '+')) return std::nullopt;
  const auto minutes = hours_minutes(text);
  return minutes && west ? std::optional(-*minutes) : minutes;
}

}  // namespace

std::optional<std::int64_t> parse_utc(std::string_view text) noexcept {
  const auto year = digits(text, 4);
  if (!year || !take(text, '-')) return std::nullopt;
  const auto month = digits(text, 2);
  if (!month || !take(text, '-')) return std::nullopt;
  const auto day = digits(text, 2);
  if (!day || !take(text, 'T')) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(*year), std::chrono::month(static_cast<unsigned>(*month)),
                                         std::chrono::day(static_cast<unsigned>(*day))};
  if (!date.ok()) return std::nullopt;
  const auto minutes = hours_minutes(text);
  if (!minutes || !take(text, ':')) return std::nullopt;
  const auto seconds = digits(text, 2);
  if (!seconds || *seconds > 60) return std::nullopt;  // 60: a leap second
  const auto micros = fraction(text);
  const auto east = micros ? zone(text) : std::nullopt;
  if (!east || !text.empty()) return std::nullopt;
  const auto days = std::chrono::sys_days(date).time_since_epoch().count();
  return ((days * 1'440LL + *minutes - *east) * 60 + *seconds) * 1'000'000 + *micros;
}

std::uint64_t IdGenerator::next(std::int64_t now_ms) noexcept {
  constexpr std::uint64_t counter_mask = 0xfff;
  auto ms = static_cast<std::uint64_t>(std::max(now_ms, epoch_ms) - epoch_ms);
  std::uint64_t counter = 0;
  if (const auto last_ms = last_ >> 22; last_ != 0 && last_ms >= ms) {
    ms = last_ms;
    counter = (last_ & counter_mask) + 1;
    if (counter > counter_mask) ++ms, counter = 0;
  }
  last_ = ms << 22 | node_ | counter;
  return last_;
}

}  // namespace valise
