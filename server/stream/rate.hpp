// A token bucket for bytes and stanzas of one connection. Over the rate it is not refused but read more slowly: the
// cost falls on who causes it.
#pragma once

#include <algorithm>
#include <cstdint>

namespace valise::stream {

class RateMeter {
 public:
  // Milliseconds to stop reading after this much was taken in; 0: none. A rate of 0 is unlimited.
  std::int64_t charge(std::int64_t now_ms, std::int64_t amount, std::int64_t per_second, std::int64_t burst) noexcept {
    if (per_second <= 0) return 0;
    if (last_ms_ == 0) last_ms_ = now_ms;
    // Debt is counted in thousandths, so that short steps lose nothing.
    debt_ = std::max<std::int64_t>(0, debt_ - (now_ms - last_ms_) * per_second) + amount * 1000;
    last_ms_ = now_ms;
    const auto over = debt_ - burst * 1000;
    return over <= 0 ? 0 : over / per_second + 1;
  }

 private:
  std::int64_t last_ms_ = 0;
  std::int64_t debt_ = 0;
};

}  // namespace valise::stream
