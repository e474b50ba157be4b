// One answer that another thread gives and one thread waits for. Shared, so that neither has to outlive the other.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>

#include "base/error.hpp"
#include "net/loop.hpp"

namespace valise {

template <class T>
class Reply : public std::enable_shared_from_this<Reply<T>> {
 public:
  // False: whoever asked has gone and was told that nothing happened, so nothing may. Otherwise he learns from now on
  // that the work was taken.
  [[nodiscard]] bool begin() {
    const std::lock_guard lock(mutex_);
    if (!given_up_) begun_ = true;
    return !given_up_;
  }
  // Who acts on it finds that others have been told: it waits for the end of this turn.
  void give(Result<T> result) {
    net::Loop::after_turn([self = this->shared_from_this(), result = std::move(result)]() mutable {
      const std::lock_guard lock(self->mutex_);
      self->result_ = std::move(result);
      self->changed_.notify_all();
    });
  }
  // Errors of its own: unavailable (nothing was and nothing will be done), pending (begun, the outcome is not known).
  [[nodiscard]] Result<T> wait(const std::stop_token& stop, std::chrono::milliseconds patience) {
    std::unique_lock lock(mutex_);
    if (changed_.wait_for(lock, stop, patience, [this] { return result_.has_value(); })) return std::move(*result_);
    given_up_ = true;
    if (begun_) return fail(ErrorCode::pending, "accepted, but not durable yet: the store or the log is away");
    return fail(ErrorCode::unavailable, stop.stop_requested() ? "the server is stopping; nothing was changed"
                                                              : "no answer in time; nothing was changed");
  }

 private:
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::optional<Result<T>> result_;
  bool begun_ = false;
  bool given_up_ = false;
};

}  // namespace valise
