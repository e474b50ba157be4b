// Work that takes a shard's thread longer than a turn may: a few threads and one bounded queue before them. So far:
// deriving keys from passwords (RFC 5802 §2.2, some 10 ms each).
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace valise::core {

class WorkPool {
 public:
  // It must not throw; it posts its result to a shard itself.
  using Job = std::move_only_function<void()>;

  // `threads` at least 1; at most `bound` jobs wait.
  WorkPool(unsigned threads, std::size_t bound);
  ~WorkPool();
  // Runs what still waits, then takes nothing more. One thread calls it, and others may still submit.
  void stop();
  WorkPool(const WorkPool&) = delete;
  WorkPool& operator=(const WorkPool&) = delete;

  // Any thread. False: the queue is full, or the pool is ending; the job will not run.
  [[nodiscard]] bool submit(Job job);

 private:
  void work();

  const std::size_t bound_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Job> waiting_;  // guarded by mutex_
  bool stop_ = false;        // guarded by mutex_
  std::vector<std::thread> threads_;
};

}  // namespace valise::core
