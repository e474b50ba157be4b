// Reads off the shards: a few threads, each with a Reader of its own, and one bounded queue before them.
#pragma once

#include <functional>

#include "base/job_pool.hpp"
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
  // Runs what still waits, then takes nothing more. While the store is away that takes no longer than one attempt a
  // thread. One thread calls it, and others may still submit.
  void stop() { pool_.stop(); }

  // Any thread. False: the queue is full, or the pool is ending; the job will not run.
  [[nodiscard]] bool submit(Job job) { return pool_.submit(std::move(job)); }

 private:
  JobPool<BoundedQueue<Job>> pool_;
};

}  // namespace valise::storage
