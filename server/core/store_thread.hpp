// The one thread that owns the store's Writer: commits one batch at a time, as often as it takes to know its outcome.
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <thread>

#include "base/error.hpp"
#include "core/audit/metrics.hpp"
#include "storage/store.hpp"

namespace valise::core {

class StoreThread {
 public:
  // Called on the store thread: at the first batch, and again after each failed or unanswered commit, because a handle
  // that failed is not trusted with the next try.
  using OpenWriter = std::function<Result<std::unique_ptr<storage::Writer>>()>;

  StoreThread(OpenWriter open_writer, std::int64_t retry_min_ms, std::int64_t retry_max_ms, CommitStats& stats);
  ~StoreThread();

  // Begins to commit `sets` as one transaction. REQUIRES: no other batch under way; `sets` lives until wait().
  void start(std::span<const storage::WriteSet* const> sets);
  // The outcome of the batch: done, or an error with which it can never be written as it is. `unavailable` only after
  // abandon(): then it is not known.
  [[nodiscard]] Result<> wait();
  // Any thread. The batch under way is not tried again. A commit that blocks is waited for.
  void abandon();

 private:
  void run();
  Result<> commit();
  bool pause(std::int64_t ms);  // false: abandoned

  // Fixed after start.
  const OpenWriter open_writer_;
  const std::int64_t retry_min_ms_;
  const std::int64_t retry_max_ms_;
  CommitStats& stats_;

  // The store thread.
  std::unique_ptr<storage::Writer> writer_;

  // Guarded by mutex_.
  std::mutex mutex_;
  std::condition_variable changed_;
  std::optional<std::span<const storage::WriteSet* const>> job_;
  std::optional<Result<>> outcome_;
  bool abandoned_ = false;
  bool stopping_ = false;

  std::thread thread_;
};

}  // namespace valise::core
