// Days and dates of the Gregorian calendar, and those on which France rests.
#pragma once

#include <cstdint>

namespace valise::policy {

struct CivilDate {
  std::int32_t year = 0;
  unsigned month = 0, day = 0;  // from 1
};
[[nodiscard]] CivilDate civil_from_day(std::int32_t day) noexcept;  // days since 1970-01-01
[[nodiscard]] std::int32_t day_from_civil(const CivilDate& date) noexcept;
// Public holidays of France (Code du travail L3133-1), with Good Friday and 26 December where those of Alsace and
// Moselle hold (L3134-13).
[[nodiscard]] bool is_french_holiday(std::int32_t day, bool alsace_moselle) noexcept;

}  // namespace valise::policy
