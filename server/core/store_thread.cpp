#include "core/store_thread.hpp"

#include <algorithm>
#include <chrono>

#include "base/fault.hpp"
#include "base/log.hpp"

namespace valise::core {

StoreThread::StoreThread(OpenWriter open_writer, std::int64_t retry_min_ms, std::int64_t retry_max_ms,
                         CommitStats& stats)
    : open_writer_(std::move(open_writer)),
      retry_min_ms_(retry_min_ms),
      retry_max_ms_(retry_max_ms),
      stats_(stats),
      thread_([this] { run(); }) {}

StoreThread::~StoreThread() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = abandoned_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void StoreThread::start(std::span<const storage::WriteSet* const> sets) {
  {
    const std::lock_guard lock(mutex_);
    job_ = sets;
    outcome_.reset();
  }
  changed_.notify_all();
}

Result<> StoreThread::wait() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return outcome_.has_value(); });
  return std::move(*outcome_);
}

void StoreThread::abandon() {
  {
    const std::lock_guard lock(mutex_);
    abandoned_ = true;
  }
  changed_.notify_all();
}

void StoreThread::run() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return stopping_ || (job_ && !outcome_); });
    if (!job_ || outcome_) break;
    lock.unlock();
    auto outcome = commit();
    lock.lock();
    outcome_ = std::move(outcome);
    job_.reset();
    changed_.notify_all();
  }
  writer_.reset();
}

Result<> StoreThread::commit() {
  auto delay = retry_min_ms_;
  bool told = false;
  while (true) {
    Result<> outcome;
    if (!writer_) {
      auto writer = open_writer_();
      if (writer) {
        writer_ = std::move(*writer);
      } else {
        outcome = fail(ErrorCode::unavailable, writer.error().text);
      }
    }
    if (writer_) {
      VALISE_FAULT("commit.store.before");
      outcome = VALISE_FAILS("commit.store.refuses") ? fail(ErrorCode::invalid, "a fault") : writer_->commit(*job_);
      VALISE_FAULT("commit.store.after");
      if (outcome && VALISE_FAILS("commit.store.lies")) outcome = fail(ErrorCode::unavailable, "a fault");
    }
    if (outcome || outcome.error().code != ErrorCode::unavailable) {
      if (told) log::warning("commit", "the store is back");
      return outcome;
    }
    writer_.reset();
    stats_.store_retries.fetch_add(1, std::memory_order_relaxed);
    if (!std::exchange(told, true)) {
      log::error("commit", "the store is away, units wait: {}", log::printable(outcome.error().text, 512));
    }
    if (!pause(delay)) return outcome;
    delay = std::min(delay * 2, retry_max_ms_);
  }
}

bool StoreThread::pause(std::int64_t ms) {
  std::unique_lock lock(mutex_);
  return !changed_.wait_for(lock, std::chrono::milliseconds(ms), [this] { return abandoned_; });
}

}  // namespace valise::core
