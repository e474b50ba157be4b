// Date{…}, Holiday{…}: the local date.
#include "policy/calendar.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>

#include "config/nearest.hpp"
#include "policy/matcher.hpp"

namespace valise::policy {
namespace {

constexpr std::string_view calendar_names[] = {"fr", "fr-alsace-moselle"};

// Easter Sunday of the Gregorian calendar (the method of Meeus).
std::int32_t easter(std::int32_t year) {
  const auto a = year % 19, b = year / 100, c = year % 100;
  const auto d = (19 * a + b - b / 4 - (b - (b + 8) / 25 + 1) / 3 + 15) % 30;
  const auto e = (32 + 2 * (b % 4) + 2 * (c / 4) - d - c % 4) % 7;
  const auto f = d + e - 7 * ((a + 11 * d + 22 * e) / 451) + 114;
  return day_from_civil({year, static_cast<unsigned>(f / 31), static_cast<unsigned>(f % 31 + 1)});
}

// "2026-12-24", or "12-24" of each year (year 0).
std::optional<CivilDate> parse_date(std::string_view text) {
  const auto number = [](std::string_view digits, int& out) {
    const auto [end, fault] = std::from_chars(digits.data(), digits.data() + digits.size(), out);
    return fault == std::errc() && end == digits.data() + digits.size() && digits.front() != '-';
  };
  int year = 0, month = 0, day = 0;
  if (text.size() == 10) {
    if (text[4] != '-' || !number(text.substr(0, 4), year) || year < 1) return std::nullopt;
    text.remove_prefix(5);
  }
  if (text.size() != 5 || text[2] != '-' || !number(text.substr(0, 2), month) || !number(text.substr(3), day)) {
    return std::nullopt;
  }
  const CivilDate date{year, static_cast<unsigned>(month), static_cast<unsigned>(day)};
  // A day that there is: it comes back the same. 29 February is one of each fourth year.
  const CivilDate there{year == 0 ? 2000 : year, date.month, date.day};
  if (month < 1 || month > 12 || day < 1) return std::nullopt;
  const auto back = civil_from_day(day_from_civil(there));
  return back.month == date.month && back.day == date.day ? std::optional(date) : std::nullopt;
}

struct DateRange {
  CivilDate first, last;
};

// With the year, or without it where that is 0.
std::int32_t order(const CivilDate& date, bool with_year) {
  return (with_year ? date.year * 512 : 0) + static_cast<std::int32_t>(date.month * 32 + date.day);
}

class Date final : public Matcher {
 public:
  Date(std::vector<DateRange> ranges, std::vector<std::string> names)
      : ranges_(std::move(ranges)), names_(std::move(names)) {}
  bool matches(Context& context) const override {
    const auto today = civil_from_day(context.facts.day);
    return std::ranges::any_of(ranges_, [&](const DateRange& range) {
      const bool with_year = range.first.year != 0;
      const auto at = order(today, with_year), first = order(range.first, with_year),
                 last = order(range.last, with_year);
      return first <= last ? at >= first && at <= last : at >= first || at <= last;
    });
  }
  std::string describe() const override {
    return names_.size() == 1 ? fmt::format("Date(\"{}\")", names_[0]) : "Date" + describe_list(names_);
  }
  // Days of each year are another fact than days of one: only those of a kind are compared.
  std::string_view fact() const override {
    return std::ranges::all_of(ranges_, [](const auto& range) { return range.first.year == 0; }) ? "day_of_year"
                                                                                                 : "date";
  }
  std::vector<std::string_view> needs() const override { return {"date"}; }
  std::optional<Values> values() const override {
    Ranges out;
    const bool yearly = fact() == "day_of_year";
    for (const auto& [first, last] : ranges_) {
      if (!yearly && first.year == 0) return std::nullopt;
      const auto from = static_cast<Point>(order(first, !yearly)), until = static_cast<Point>(order(last, !yearly));
      if (from <= until) {
        out.any_of.emplace_back(from, until);
      } else {  // past the end of a year
        out.any_of.emplace_back(from, 13 * 32);
        out.any_of.emplace_back(0, until);
      }
    }
    return out;
  }

 private:
  std::vector<DateRange> ranges_;
  std::vector<std::string> names_;
};

class Holiday final : public Matcher {
 public:
  explicit Holiday(bool alsace_moselle) : alsace_moselle_(alsace_moselle) {}
  bool matches(Context& context) const override { return is_french_holiday(context.facts.day, alsace_moselle_); }
  std::string describe() const override { return fmt::format("Holiday(\"{}\")", calendar_names[alsace_moselle_]); }
  std::string_view fact() const override { return "holiday"; }
  std::vector<std::string_view> needs() const override { return {"date"}; }
  // Each holiday of all France is one of Alsace and Moselle.
  std::optional<Values> values() const override {
    return alsace_moselle_ ? Texts{{"fr", "fr-alsace-moselle"}} : Texts{{"fr"}};
  }

 private:
  bool alsace_moselle_;
};

}  // namespace

// Days are counted from 1 March of year 0: leap days end a year (the way of Hinnant's chrono-compatible algorithms).
CivilDate civil_from_day(std::int32_t day) noexcept {
  const std::int64_t z = std::int64_t{day} + 719'468;
  const std::int64_t era = (z >= 0 ? z : z - 146'096) / 146'097;
  const std::int64_t of_era = z - era * 146'097;
  const std::int64_t year = (of_era - of_era / 1460 + of_era / 36'524 - of_era / 146'096) / 365;
  const std::int64_t of_year = of_era - (365 * year + year / 4 - year / 100);
  const auto m = static_cast<unsigned>((5 * of_year + 2) / 153);
  CivilDate out;
  out.day = static_cast<unsigned>(of_year - (153 * static_cast<std::int64_t>(m) + 2) / 5 + 1);
  out.month = m < 10 ? m + 3 : m - 9;
  out.year = static_cast<std::int32_t>(year + era * 400 + (out.month <= 2 ? 1 : 0));
  return out;
}

std::int32_t day_from_civil(const CivilDate& date) noexcept {
  const std::int64_t year = date.year - (date.month <= 2 ? 1 : 0);
  const std::int64_t era = (year >= 0 ? year : year - 399) / 400;
  const std::int64_t of_era = year - era * 400;
  const std::int64_t of_year = (153 * (date.month + (date.month > 2 ? -3 : 9)) + 2) / 5 + date.day - 1;
  return static_cast<std::int32_t>(era * 146'097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719'468);
}

bool is_french_holiday(std::int32_t day, bool alsace_moselle) noexcept {
  const auto date = civil_from_day(day);
  constexpr std::array<unsigned, 8> fixed{101, 501, 508, 714, 815, 1101, 1111, 1225};
  const auto at = date.month * 100 + date.day;
  if (std::ranges::find(fixed, at) != fixed.end() || (alsace_moselle && at == 1226)) return true;
  const auto after = day - easter(date.year);
  return after == 1 || after == 39 || after == 50 || (alsace_moselle && after == -2);
}

MatcherPtr make_date(const std::vector<std::string>& ranges, std::string& error) {
  std::vector<DateRange> made;
  for (const auto& text : ranges) {
    const auto dots = text.find("..");
    const auto first = parse_date(std::string_view(text).substr(0, dots));
    const auto last = dots == std::string::npos ? first : parse_date(std::string_view(text).substr(dots + 2));
    if (!first || !last || (first->year == 0) != (last->year == 0) ||
        (first->year != 0 && order(*first, true) > order(*last, true))) {
      error = fmt::format("\"{}\" is no day: write 2026-12-24, 12-24 (of each year), or a range 2026-07-01..2026-08-31",
                          text);
      return nullptr;
    }
    made.push_back({*first, *last});
  }
  return std::make_unique<Date>(std::move(made), ranges);
}

MatcherPtr make_holiday(const std::vector<std::string>& calendars, std::string& error) {
  const auto& name = calendars.front();
  const auto found = std::ranges::find(calendar_names, name);
  if (calendars.size() == 1 && found != std::end(calendar_names)) {
    return std::make_unique<Holiday>(found != std::begin(calendar_names));
  }
  error =
      fmt::format("\"{}\" is no calendar: fr, fr-alsace-moselle{}", name, config::nearest_hint(name, calendar_names));
  return nullptr;
}

}  // namespace valise::policy
