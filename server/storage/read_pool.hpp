// Reads off the shards: a few threads, each with a Reader of its own, and one bounded queue before them.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "storage/store.hpp"

namespace valise::storage {

class ReadPool {
 public:
  // Given a Reader for the length of the call, or nullptr while none can be opened: treat that as `unavailable`. Any
  // single read may also return `unavailable`; the Reader finds its way back by itself, so nothing need be done about
  // it. A job must not throw; it posts its result to a shard itself.
  using Job = std::move_only_function<void(Reader*)>;

  // `threads` at least 1; at most `bound` jobs wait. Readers are opened on the threads, when the first job comes; where
  // that fails it is tried again at the next job, not sooner than after 50 ms, doubling up to 5 s.
  ReadPool(Store& store, unsigned threads, std::size_t bound);
  ~ReadPool();
  // Runs what still waits, then takes nothing more. While the store is away that takes no longer than one attempt a
  // thread. One thread calls it, and others may still submit.
  void stop();
  ReadPool(const ReadPool&) = delete;
  ReadPool& operator=(const ReadPool&) = delete;

  // Any thread. False: the queue is full, or the pool is ending; the job will not run.
  [[nodiscard]] bool submit(Job job);

 private:
  void work();

  Store& store_;
  const std::size_t bound_;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Job> waiting_;  // guarded by mutex_
  bool stop_ = false;        // guarded by mutex_
  std::vector<std::thread> threads_;
};

}  // namespace valise::storage
