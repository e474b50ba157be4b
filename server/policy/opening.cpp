#include "policy/opening.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <ctime>

#include "policy/calendar.hpp"

namespace valise::policy {
namespace {

constexpr std::int64_t day_minutes = 1440;

Facts facts_at(std::int64_t minute) {
  Facts facts;
  facts.day = static_cast<std::int32_t>(minute / day_minutes);
  // 1970-01-01 was a Thursday; a week of Facts begins on Monday.
  facts.minute_of_week = static_cast<std::uint16_t>((facts.day + 3) % 7 * day_minutes + minute % day_minutes);
  return facts;
}

}  // namespace

bool is_of_time(const Matcher& matcher) {
  if (matcher.shape() != Shape::leaf) {
    return !matcher.parts().empty() &&
           std::ranges::all_of(matcher.parts(), [](const Matcher* part) { return is_of_time(*part); });
  }
  const auto needs = matcher.needs();
  return !needs.empty() &&
         std::ranges::all_of(needs, [](std::string_view fact) { return fact == "time" || fact == "date"; });
}

std::int64_t local_minute(std::int32_t day, std::uint16_t minute_of_week) noexcept {
  return day * day_minutes + minute_of_week % day_minutes;
}

std::optional<std::int64_t> next_minute(const Matcher& open, std::int64_t from) {
  Decision unused;
  for (auto minute = from; minute < from + most_days_ahead * day_minutes; ++minute) {
    const auto facts = facts_at(minute);
    Context context{.facts = facts, .decision = unused, .only_looks = true};
    if (open.matches(context)) return minute;
  }
  return std::nullopt;
}

std::int64_t utc_ms_of(std::int64_t local_minute) {
  const auto date = civil_from_day(static_cast<std::int32_t>(local_minute / day_minutes));
  std::tm local{};
  local.tm_year = date.year - 1900;
  local.tm_mon = static_cast<int>(date.month) - 1;
  local.tm_mday = static_cast<int>(date.day);
  local.tm_hour = static_cast<int>(local_minute % day_minutes / 60);
  local.tm_min = static_cast<int>(local_minute % 60);
  local.tm_isdst = -1;
  return static_cast<std::int64_t>(std::mktime(&local)) * 1000;
}

std::string text_of(std::int64_t local_minute) {
  const auto date = civil_from_day(static_cast<std::int32_t>(local_minute / day_minutes));
  return fmt::format("{}-{:02}-{:02} {:02}:{:02}", date.year, date.month, date.day, local_minute % day_minutes / 60,
                     local_minute % 60);
}

}  // namespace valise::policy
