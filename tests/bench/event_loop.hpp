// One thread, one epoll, level-triggered. The generator's loop is its own on purpose: a fault of the server's loop
// must not hide in what measures it.
#pragma once

#include <cstdint>
#include <functional>

namespace valise::bench {

using Nanos = std::int64_t;
inline constexpr Nanos second_ns = 1'000'000'000;

// CLOCK_MONOTONIC.
[[nodiscard]] Nanos now_ns() noexcept;

class Watcher {
 public:
  virtual void on_events(std::uint32_t events) = 0;

 protected:
  ~Watcher() = default;
};

class EventLoop {
 public:
  EventLoop();
  ~EventLoop();
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

  // `watcher` must outlive the turn in which it is forgotten: events of one wait are handed out without asking again.
  void watch(int fd, Watcher& watcher, std::uint32_t events);
  void change(int fd, Watcher& watcher, std::uint32_t events);
  void forget(int fd);

  // Runs until `done` (asked once a turn) or the deadline; true when done. `tick` is called once a turn with the
  // time and returns when it wants to be called next, at the latest.
  bool run(Nanos deadline, const std::function<bool()>& done, const std::function<Nanos(Nanos)>& tick = {});

 private:
  int epoll_;
};

}  // namespace valise::bench
