// A hashed timer wheel: arming, moving and cancelling cost a few pointer writes, so that every session may own timers.
// Resolution 10 ms, so that those whose rate is limited do not all go on in one turn of the loop; a timer never fires
// early.
#pragma once

#include <cstddef>
#include <cstdint>

namespace valise::net {

class TimerWheel;

// Owned by what it times; disarms itself when it dies. 40 bytes.
class Timer {
 public:
  using Callback = void (*)(void* owner);
  Timer(Callback callback, void* owner) noexcept : callback_(callback), owner_(owner) {}
  ~Timer() { cancel(); }
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

  void cancel() noexcept;
  [[nodiscard]] bool armed() const noexcept { return next_ != nullptr; }

 private:
  friend class TimerWheel;
  Timer() noexcept = default;  // list heads
  void link_before(Timer& head) noexcept;

  Timer* previous_ = nullptr;
  Timer* next_ = nullptr;
  std::int64_t deadline_tick_ = 0;
  Callback callback_ = nullptr;
  void* owner_ = nullptr;
};

class TimerWheel {
 public:
  static constexpr std::int64_t tick_ms = 10;
  explicit TimerWheel(std::int64_t now_ms) noexcept;

  // (Re)arms `timer` for `delay_ms` from `now_ms`.
  void arm(Timer& timer, std::int64_t now_ms, std::int64_t delay_ms) noexcept;
  // Fires what is due. Callbacks may arm and cancel any timer.
  void advance(std::int64_t now_ms);
  // Milliseconds until advance() should be called again: the next slot that holds a timer, 640 ms at most.
  [[nodiscard]] int wait_ms(std::int64_t now_ms) const noexcept;

 private:
  static constexpr std::size_t slots = 2048;  // 20 s a turn of the wheel; farther timers stay for more turns
  Timer heads_[slots];
  std::int64_t tick_;
};

}  // namespace valise::net
