// What waits in this process dies with it: a message is delivered when the kernel has its bytes, not when they stand in
// a session's buffer. Who needs to know waits here, at no cost but two pointers (ARCHITECTURE.md, "The life of a
// unit").
#pragma once

#include <cstdint>
#include <utility>

namespace valise::core {

class Departure {
 public:
  // Called once, on the stream's shard. True: the kernel has every byte that was queued when the wait began. False: the
  // stream has ended and what was left of them never goes. The departure may delete itself.
  virtual void departed(bool sent) = 0;

  // Set and read by Departures alone.
  struct Place {
    std::uint64_t position = 0;
    Departure* next = nullptr;
  } place;

 protected:
  ~Departure() = default;
};

// Those that wait for one stream, in the order of its bytes. Owns none of them.
class Departures {
 public:
  Departures() = default;
  Departures(const Departures&) = delete;
  Departures& operator=(const Departures&) = delete;

  [[nodiscard]] bool empty() const noexcept { return first_ == nullptr; }
  // `position`: how many bytes of the stream come before and with what is waited for.
  void wait(Departure& departure, std::uint64_t position) {
    departure.place = {position, nullptr};
    (first_ == nullptr ? first_ : last_->place.next) = &departure;
    last_ = &departure;
  }
  // The kernel has so many bytes of the stream.
  void sent(std::uint64_t position) {
    while (first_ != nullptr && first_->place.position <= position) take().departed(true);
  }
  // The stream is gone.
  void give_back() {
    while (first_ != nullptr) take().departed(false);
  }

 private:
  Departure& take() {
    auto& taken = *first_;
    first_ = taken.place.next;
    return taken;
  }

  Departure* first_ = nullptr;
  Departure* last_ = nullptr;  // meaningful while first_ is there
};

}  // namespace valise::core
