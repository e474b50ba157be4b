// So many within an hour, which begins with the first of them: no clock's hour, across which twice as many would pass.
#pragma once

#include <cstdint>

namespace valise {

class HourlyCount {
 public:
  static constexpr std::int64_t hour_ms = 3'600'000;

  // Whether fewer than `most` are counted. Times in ms of one clock that never goes back.
  [[nodiscard]] bool has_room(std::uint32_t most, std::int64_t now_ms) const noexcept {
    return is_over(now_ms) || count_ < most;
  }
  void add(std::int64_t now_ms) noexcept {
    if (is_over(now_ms)) {
      began_ms_ = now_ms;
      count_ = 0;
    }
    ++count_;
  }
  void take_back() noexcept {
    if (count_ > 0) --count_;
  }
  // Nothing of it counts any more.
  [[nodiscard]] bool is_over(std::int64_t now_ms) const noexcept {
    return count_ == 0 || now_ms - began_ms_ >= hour_ms;
  }

 private:
  std::int64_t began_ms_ = 0;
  std::uint32_t count_ = 0;
};

}  // namespace valise
