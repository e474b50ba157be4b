#include "base/clock.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <ctime>

namespace valise {

std::string format_utc(std::int64_t utc_ns) {
  const auto ms = utc_ns / 1'000'000;
  const std::time_t seconds = ms / 1000;
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", parts.tm_year + 1900, parts.tm_mon + 1,
                     parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec, ms % 1000);
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
