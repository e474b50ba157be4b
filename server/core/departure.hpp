// What waits in this process dies with it: a message is delivered when the kernel has its bytes, not when they stand in
// a session's buffer. Who needs to know waits here, at no cost but a few words (ARCHITECTURE.md, "The life of a unit").
#pragma once

#include <cstdint>
#include <utility>

namespace valise::core {

class Departure {
 public:
  // Called once, on the stream's shard. True: the kernel has every byte that was queued when the wait began. False: the
  // stream has ended and what was left of them never goes. The departure may delete itself.
  virtual void departed(bool sent) = 0;

  // Called at most once, when the kernel takes no more for now. Returns the bytes that it keeps in memory until it
  // departs; what it does not need for that it gives up here.
  [[nodiscard]] virtual std::size_t waits() = 0;

  // Set and read by Departures alone.
  struct Place {
    std::uint64_t position = 0;
    Departure* next = nullptr;
    std::size_t kept = 0;
  } place;

 protected:
  ~Departure() = default;
};

// Those that wait for one stream, in the order of its bytes: a ring, whose last one knows the first. Owns none of them.
class Departures {
 public:
  Departures() = default;
  Departures(const Departures&) = delete;
  Departures& operator=(const Departures&) = delete;

  [[nodiscard]] bool empty() const noexcept { return last_ == nullptr; }
  // `position`: how many bytes of the stream come before and with what is waited for.
  void wait(Departure& departure, std::uint64_t position) {
    departure.place = {position, last_ == nullptr ? &departure : last_->place.next, 0};
    if (last_ != nullptr) last_->place.next = &departure;
    last_ = &departure;
  }
  // The kernel has so many bytes of the stream.
  void sent(std::uint64_t position) {
    while (last_ != nullptr && last_->place.next->place.position <= position) take().departed(true);
  }
  // The stream is gone.
  void give_back() {
    while (last_ != nullptr) take().departed(false);
  }
  // The kernel takes no more for now. Returns the bytes that all of them keep; each is asked once.
  std::size_t stuck() {
    while (told_ != last_) {
      auto& next = *(told_ == nullptr ? last_ : told_)->place.next;
      next.place.kept = next.waits();
      kept_ += next.place.kept;
      told_ = &next;
    }
    return kept_;
  }
  // What those keep that were asked.
  [[nodiscard]] std::size_t kept() const noexcept { return kept_; }

 private:
  Departure& take() {
    auto& taken = *last_->place.next;
    if (&taken == told_) told_ = nullptr;
    if (&taken == last_) {
      last_ = nullptr;
    } else {
      last_->place.next = taken.place.next;
    }
    kept_ -= taken.place.kept;
    return taken;
  }

  Departure* last_ = nullptr;
  Departure* told_ = nullptr;  // the last one that was asked; null: none of those that wait
  std::size_t kept_ = 0;
};

}  // namespace valise::core
