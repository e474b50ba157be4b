// Whether every shard still turns: what the service manager's watchdog is fed by.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <utility>

namespace valise {

class Heartbeat {
 public:
  // `post` hands a task to one of `workers` threads.
  using Post = std::function<void(unsigned worker, std::function<void()>)>;
  Heartbeat(unsigned workers, Post post) : workers_(workers), post_(std::move(post)) {}

  // True if all workers have run since the last call that returned true (the first one asks them, and is true). One
  // that hangs is not asked again: nothing piles up in its mailbox.
  bool beat() {
    if (missing_ && missing_->load(std::memory_order_acquire) != 0) return false;
    missing_ = std::make_shared<std::atomic<unsigned>>(workers_);
    for (unsigned worker = 0; worker < workers_; ++worker) {
      post_(worker, [missing = missing_] { missing->fetch_sub(1, std::memory_order_acq_rel); });
    }
    return true;
  }

 private:
  const unsigned workers_;
  const Post post_;
  std::shared_ptr<std::atomic<unsigned>> missing_;
};

}  // namespace valise
