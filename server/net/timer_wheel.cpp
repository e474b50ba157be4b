#include "net/timer_wheel.hpp"

namespace valise::net {

void Timer::cancel() noexcept {
  if (next_ == nullptr) return;
  previous_->next_ = next_;
  next_->previous_ = previous_;
  previous_ = next_ = nullptr;
}

void Timer::link_before(Timer& head) noexcept {
  previous_ = head.previous_;
  next_ = &head;
  head.previous_->next_ = this;
  head.previous_ = this;
}

TimerWheel::TimerWheel(std::int64_t now_ms) noexcept : tick_(now_ms / tick_ms) {
  for (auto& head : heads_) head.previous_ = head.next_ = &head;
}

void TimerWheel::arm(Timer& timer, std::int64_t now_ms, std::int64_t delay_ms) noexcept {
  timer.cancel();
  auto due = (now_ms + delay_ms) / tick_ms + 1;
  if (due <= tick_) due = tick_ + 1;
  timer.deadline_tick_ = due;
  timer.link_before(heads_[static_cast<std::size_t>(due) % slots]);
}

void TimerWheel::advance(std::int64_t now_ms) {
  const auto target = now_ms / tick_ms;
  while (tick_ < target) {
    ++tick_;
    auto& head = heads_[static_cast<std::size_t>(tick_) % slots];
    // What is due moves to a list of its own first, because callbacks may change any list.
    Timer due;
    due.previous_ = due.next_ = &due;
    for (Timer* timer = head.next_; timer != &head;) {
      Timer* const following = timer->next_;
      if (timer->deadline_tick_ <= tick_) {
        timer->cancel();
        timer->link_before(due);
      }
      timer = following;
    }
    while (due.next_ != &due) {
      Timer* const timer = due.next_;
      timer->cancel();
      timer->callback_(timer->owner_);
    }
    due.previous_ = due.next_ = nullptr;
  }
}

int TimerWheel::wait_ms(std::int64_t now_ms) const noexcept {
  // Only slot heads are looked at, never the timers: ten thousand idle sessions cost a turn nothing.
  constexpr std::int64_t scan = 64;
  std::int64_t ahead = 1;
  while (ahead < scan && heads_[static_cast<std::size_t>(tick_ + ahead) % slots].next_ ==
                             &heads_[static_cast<std::size_t>(tick_ + ahead) % slots]) {
    ++ahead;
  }
  const auto wait = (tick_ + ahead) * tick_ms - now_ms;
  return wait < 0 ? 0 : static_cast<int>(wait);
}

}  // namespace valise::net
