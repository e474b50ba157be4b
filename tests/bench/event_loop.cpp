#include "event_loop.hpp"

#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>

namespace valise::bench {

namespace {

[[noreturn]] void die(const char* what) { throw std::system_error(errno, std::generic_category(), what); }

}  // namespace

Nanos now_ns() noexcept {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * second_ns + now.tv_nsec;
}

EventLoop::EventLoop() : epoll_(epoll_create1(EPOLL_CLOEXEC)) {
  if (epoll_ < 0) die("epoll_create1");
}

EventLoop::~EventLoop() { close(epoll_); }

void EventLoop::watch(int fd, Watcher& watcher, std::uint32_t events) {
  epoll_event event{.events = events, .data = {.ptr = &watcher}};
  if (epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event) < 0) die("epoll_ctl add");
}

void EventLoop::change(int fd, Watcher& watcher, std::uint32_t events) {
  epoll_event event{.events = events, .data = {.ptr = &watcher}};
  if (epoll_ctl(epoll_, EPOLL_CTL_MOD, fd, &event) < 0) die("epoll_ctl mod");
}

void EventLoop::forget(int fd) { epoll_ctl(epoll_, EPOLL_CTL_DEL, fd, nullptr); }

bool EventLoop::run(Nanos deadline, const std::function<bool()>& done, const std::function<Nanos(Nanos)>& tick) {
  std::array<epoll_event, 256> events;
  while (true) {
    if (done()) return true;
    const Nanos now = now_ns();
    if (now >= deadline) return false;
    const Nanos next = tick ? std::min(deadline, tick(now)) : deadline;
    const Nanos wait = std::clamp<Nanos>(next - now_ns(), 0, second_ns);
    const timespec timeout{.tv_sec = wait / second_ns, .tv_nsec = wait % second_ns};
    const int count = epoll_pwait2(epoll_, events.data(), static_cast<int>(events.size()), &timeout, nullptr);
    if (count < 0 && errno != EINTR) die("epoll_pwait2");
    for (int i = 0; i < count; ++i) static_cast<Watcher*>(events[i].data.ptr)->on_events(events[i].events);
  }
}

}  // namespace valise::bench
