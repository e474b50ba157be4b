// Network{…}, Hours{…}, Weekday{…}.
#include <fmt/core.h>

#include <algorithm>
#include <bitset>
#include <charconv>

#include "config/nearest.hpp"
#include "policy/matcher.hpp"

namespace valise::policy {
namespace {

using Bytes = std::array<unsigned char, 16>;

struct Range {
  Bytes low;
  Bytes high;
};

std::optional<unsigned> whole_number(std::string_view text, unsigned most) {
  unsigned value = 0;
  const auto* end = text.data() + text.size();
  const auto [stop, fault] = std::from_chars(text.data(), end, value);
  if (text.empty() || fault != std::errc() || stop != end || value > most) return std::nullopt;
  return value;
}

// RFC 4632 §3.1 notation; a plain address is itself.
std::optional<Range> parse_network(std::string_view text) {
  const auto slash = text.find('/');
  const auto address = IpAddress::parse(text.substr(0, slash));
  if (!address) return std::nullopt;
  const bool v4 = text.find(':') == std::string_view::npos;
  unsigned bits = 128;
  if (slash != std::string_view::npos) {
    const auto given = whole_number(text.substr(slash + 1), v4 ? 32 : 128);
    if (!given) return std::nullopt;
    bits = *given + (v4 ? 96 : 0);
  }
  Range range{address->bytes, address->bytes};
  for (unsigned i = 0; i < 16; ++i) {
    const unsigned kept = std::clamp(static_cast<int>(bits) - static_cast<int>(i * 8), 0, 8);
    const auto mask = static_cast<unsigned char>(0xff00 >> kept);
    range.low[i] = static_cast<unsigned char>(range.low[i] & mask);
    range.high[i] = static_cast<unsigned char>(range.high[i] | static_cast<unsigned char>(~mask));
  }
  if (range.low != address->bytes) return std::nullopt;  // 10.1.2.3/8: which was meant?
  return range;
}

Point point(const Bytes& address) {
  Point out = 0;
  for (const auto byte : address) out = out << 8 | byte;
  return out;
}

// The minutes of the week for which `chosen` says yes.
template <class Chosen>
Ranges minutes_where(Chosen chosen) {
  Ranges out;
  for (unsigned minute = 0; minute < 7 * 1440; ++minute) {
    if (!chosen(minute)) continue;
    if (!out.any_of.empty() && out.any_of.back().second + 1 == minute) {
      out.any_of.back().second = minute;
    } else {
      out.any_of.emplace_back(minute, minute);
    }
  }
  return out;
}

class Network final : public Matcher {
 public:
  Network(std::vector<Range> ranges, std::vector<std::string> names)
      : ranges_(std::move(ranges)), names_(std::move(names)) {
    std::ranges::sort(ranges_, {}, &Range::low);
    // Nested networks: the wider one begins first or ends later; a prefix maximum makes one look enough.
    for (std::size_t i = 1; i < ranges_.size(); ++i) ranges_[i].high = std::max(ranges_[i].high, ranges_[i - 1].high);
  }
  bool matches(Context& context) const override {
    if (!context.facts.ip.known) return false;
    const auto& ip = context.facts.ip.bytes;
    const auto after = std::ranges::upper_bound(ranges_, ip, {}, &Range::low);
    return after != ranges_.begin() && ip <= std::prev(after)->high;
  }
  std::string describe() const override { return "Network" + describe_list(names_); }
  std::string_view fact() const override { return "ip"; }
  std::optional<Values> values() const override {
    Ranges out;
    for (const auto& range : ranges_) out.any_of.emplace_back(point(range.low), point(range.high));
    return out;
  }

 private:
  std::vector<Range> ranges_;
  std::vector<std::string> names_;
};

// "08:00"; 24:00 is midnight as an end.
std::optional<unsigned> parse_time(std::string_view text) {
  if (text.size() != 5 || text[2] != ':') return std::nullopt;
  const auto hour = whole_number(text.substr(0, 2), 24);
  const auto minute = whole_number(text.substr(3), 59);
  if (!hour || !minute || *hour * 60 + *minute > 1440) return std::nullopt;
  return *hour * 60 + *minute;
}

class Hours final : public Matcher {
 public:
  Hours(std::bitset<1440> minutes, std::vector<std::string> names) : minutes_(minutes), names_(std::move(names)) {}
  bool matches(Context& context) const override { return minutes_[context.facts.minute_of_week % 1440]; }
  std::string describe() const override { return "Hours" + describe_list(names_); }
  std::string_view fact() const override { return "time"; }
  std::optional<Values> values() const override {
    return minutes_where([this](unsigned minute) { return minutes_[minute % 1440]; });
  }

 private:
  std::bitset<1440> minutes_;
  std::vector<std::string> names_;
};

class Weekday final : public Matcher {
 public:
  Weekday(std::bitset<7> days, std::vector<std::string> names) : days_(days), names_(std::move(names)) {}
  bool matches(Context& context) const override { return days_[context.facts.minute_of_week / 1440 % 7]; }
  std::string describe() const override { return "Weekday" + describe_list(names_); }
  std::string_view fact() const override { return "time"; }
  std::optional<Values> values() const override {
    return minutes_where([this](unsigned minute) { return days_[minute / 1440]; });
  }

 private:
  std::bitset<7> days_;
  std::vector<std::string> names_;
};

}  // namespace

MatcherPtr make_network(const std::vector<std::string>& networks, std::string& error) {
  std::vector<Range> ranges;
  for (const auto& text : networks) {
    const auto range = parse_network(text);
    if (!range) {
      error = fmt::format(
          "\"{}\" is no network: write 192.0.2.0/24 or 2001:db8::/32, with no bits set behind the prefix", text);
      return nullptr;
    }
    ranges.push_back(*range);
  }
  return std::make_unique<Network>(std::move(ranges), networks);
}

MatcherPtr make_hours(const std::vector<std::string>& ranges, std::string& error) {
  std::bitset<1440> minutes;
  for (const auto& text : ranges) {
    const auto dash = std::min(text.find('-'), text.size());
    const unsigned from = parse_time(std::string_view(text).substr(0, dash)).value_or(1440);
    const unsigned until = parse_time(std::string_view(text).substr(std::min(dash + 1, text.size()))).value_or(from);
    if (from == until || from == 1440) {
      error = fmt::format("\"{}\" is no time of day: write 08:00-19:00; 22:00-06:00 runs past midnight", text);
      return nullptr;
    }
    unsigned minute = from;
    do {
      minutes.set(minute);
      minute = (minute + 1) % 1440;
    } while (minute != until % 1440);
  }
  return std::make_unique<Hours>(minutes, ranges);
}

MatcherPtr make_weekday(const std::vector<std::string>& days, std::string& error) {
  std::bitset<7> chosen;
  const auto index = [&](std::string_view name) -> std::optional<std::size_t> {
    const auto found = std::ranges::find(weekday_names, name);
    if (found == weekday_names.end()) {
      error = fmt::format("\"{}\" is no day: mon tue wed thu fri sat sun, or a range such as mon-fri{}", name,
                          config::nearest_hint(name, weekday_names));
      return std::nullopt;
    }
    return static_cast<std::size_t>(found - weekday_names.begin());
  };
  for (const auto& text : days) {
    const auto dash = text.find('-');
    const auto first = index(std::string_view(text).substr(0, dash));
    const auto last = dash == std::string::npos ? first : index(std::string_view(text).substr(dash + 1));
    if (!first || !last) return nullptr;
    for (std::size_t day = *first;; day = (day + 1) % 7) {
      chosen.set(day);
      if (day == *last) break;
    }
  }
  return std::make_unique<Weekday>(chosen, days);
}

}  // namespace valise::policy
