#include "net/loop.hpp"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <utility>

#include "base/clock.hpp"

namespace valise::net {
namespace {
constexpr int max_events = 256;
thread_local Loop* current_loop = nullptr;
}  // namespace

struct Loop::Ready {
  epoll_event events[max_events];
  int count = 0;
  int at = 0;
};

Loop::Loop()
    : epoll_(epoll_create1(EPOLL_CLOEXEC)),
      wake_fd_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      timers_(steady_ms()),
      now_ms_(steady_ms()) {
  if (epoll_ < 0 || wake_fd_ < 0) throw std::runtime_error("no descriptors for an event loop");
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.ptr = nullptr;
  if (epoll_ctl(epoll_, EPOLL_CTL_ADD, wake_fd_, &event) != 0) throw std::runtime_error("epoll_ctl");
}

Loop::~Loop() {
  ::close(wake_fd_);
  ::close(epoll_);
}

void Loop::after_turn(Task task) {
  if (current_loop != nullptr) return current_loop->post(std::move(task));
  task();
}

bool Loop::is_current() const noexcept { return current_loop == this; }

void Loop::wake() {
  has_mail_.store(true, std::memory_order_release);
  // Only a sleeping loop costs a system call. seq_cst: pairs with the store and load in wait_for_events.
  std::atomic_thread_fence(std::memory_order_seq_cst);
  if (!sleeping_.load(std::memory_order_relaxed)) return;
  const std::uint64_t one = 1;
  (void)!::write(wake_fd_, &one, sizeof one);
}

void Loop::post(Task task) {
  {
    const std::lock_guard lock(mailbox_mutex_);
    mailbox_.push_back(std::move(task));
  }
  wake();
}

void Loop::post(std::vector<Task>& tasks) {
  if (tasks.empty()) return;
  {
    const std::lock_guard lock(mailbox_mutex_);
    if (mailbox_.empty()) {
      mailbox_.swap(tasks);
    } else {
      for (auto& task : tasks) mailbox_.push_back(std::move(task));
    }
  }
  tasks.clear();
  wake();
}

void Loop::stop() {
  stopping_ = true;
  wake();
}

Result<> Loop::watch(int fd, std::uint32_t epoll_events, IoHandler& handler) {
  epoll_event event{};
  event.events = epoll_events;
  event.data.ptr = &handler;
  if (epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event) == 0) return {};
  return fail(ErrorCode::limit, std::string("epoll_ctl: ") + std::strerror(errno));
}

void Loop::change(int fd, std::uint32_t epoll_events, IoHandler& handler) {
  epoll_event event{};
  event.events = epoll_events;
  event.data.ptr = &handler;
  epoll_ctl(epoll_, EPOLL_CTL_MOD, fd, &event);
}

void Loop::unwatch(int fd, IoHandler& handler) {
  epoll_ctl(epoll_, EPOLL_CTL_DEL, fd, nullptr);
  if (ready_ == nullptr) return;
  for (int i = ready_->at; i < ready_->count; ++i) {
    if (ready_->events[i].data.ptr == &handler) ready_->events[i].data.ptr = nullptr;
  }
}

void Loop::enqueue(TurnEnd& work) {
  if (work.queued_) return;
  work.queued_ = true;
  if (&work != first_) turn_end_.push_back(&work);
}

void Loop::cancel(TurnEnd& work) {
  if (&work == first_) first_ = nullptr;
  if (std::exchange(work.queued_, false)) std::ranges::replace(turn_end_, &work, nullptr);
}

void Loop::wait_for_share(Share& one) {
  if (std::exchange(one.waits_, true)) return;
  shares_.push_back(&one);
}

void Loop::cancel(Share& one) {
  if (std::exchange(one.waits_, false)) std::erase(shares_, &one);
}

void Loop::wait_for_events() {
  int timeout = timers_.wait_ms(now_ms_);
  sleeping_.store(true, std::memory_order_relaxed);
  std::atomic_thread_fence(std::memory_order_seq_cst);
  if (has_mail_.load(std::memory_order_acquire) || !shares_.empty()) timeout = 0;
  ready_->count = epoll_wait(epoll_, ready_->events, max_events, timeout);
  sleeping_.store(false, std::memory_order_relaxed);
  if (ready_->count < 0) ready_->count = 0;
}

void Loop::run_mailbox() {
  if (!has_mail_.exchange(false, std::memory_order_acq_rel)) return;
  {
    const std::lock_guard lock(mailbox_mutex_);
    running_.swap(mailbox_);
  }
  for (auto& task : running_) task();
  running_.clear();
}

void Loop::run_share() {
  if (shares_.empty()) return;
  auto* one = shares_.front();
  shares_.pop_front();
  one->waits_ = false;
  one->on_share();
}

void Loop::run_first() {
  if (first_ != nullptr && std::exchange(first_->queued_, false)) first_->on_turn_end();
}

void Loop::run_turn_end() {
  run_first();
  // Work may enqueue more work; both end within the turn.
  for (std::size_t i = 0; i < turn_end_.size(); ++i) {
    auto* work = turn_end_[i];
    if (work == nullptr) continue;
    turn_end_[i] = nullptr;
    work->queued_ = false;
    work->on_turn_end();
  }
  turn_end_.clear();
  run_first();  // what the others' work sent
}

void Loop::run() {
  current_loop = this;
  Ready ready;
  ready_ = &ready;
  while (!stopping_.load(std::memory_order_relaxed)) {
    wait_for_events();
    ++turn_;
    now_ms_ = steady_ms();
    run_mailbox();  // before the sockets: what led to these bytes was posted before them
    for (ready.at = 0; ready.at < ready.count;) {
      auto& event = ready.events[ready.at++];
      if (event.data.ptr != nullptr) {
        static_cast<IoHandler*>(event.data.ptr)->on_io(event.events);
      } else if (ready.at > 0 && event.events != 0) {
        std::uint64_t count = 0;
        (void)!::read(wake_fd_, &count, sizeof count);
      }
    }
    ready.count = ready.at = 0;
    timers_.advance(now_ms_);
    run_share();
    run_turn_end();
  }
  for (int turn = 0; turn < 2; ++turn) {  // also what is to be done after the last
    run_mailbox();
    run_turn_end();
  }
  ready_ = nullptr;
  current_loop = nullptr;
}

}  // namespace valise::net
