// A few threads and one bounded queue before them: the shape of storage::ReadPool and core::WorkPool.
#pragma once

#include <algorithm>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

namespace valise {

// First come, first served; at most `bound` wait.
template <class WhatWaits>
class BoundedQueue {
 public:
  using Job = WhatWaits;
  explicit BoundedQueue(std::size_t bound) : bound_(bound) {}
  [[nodiscard]] bool put(Job& job) {
    if (waiting_.size() >= bound_) return false;
    waiting_.push_back(std::move(job));
    return true;
  }
  [[nodiscard]] bool empty() const { return waiting_.empty(); }
  [[nodiscard]] Job take() {
    Job job = std::move(waiting_.front());
    waiting_.pop_front();
    return job;
  }

 private:
  std::size_t bound_;
  std::deque<Job> waiting_;
};

// `Queue` bounds what waits and says who comes first; the pool guards it. It has what BoundedQueue has: a type `Job`;
// put(job, …), which leaves the job and answers false where there is no room; empty(); take(), of a queue that is not.
template <class Queue>
class JobPool {
 public:
  using Job = typename Queue::Job;
  using Run = std::move_only_function<void(Job&)>;

  // At least one thread. Each makes its own Run, which gives jobs what they need. Neither it nor a job may throw; a job
  // posts its result to a shard itself.
  JobPool(unsigned threads, Queue queue, std::function<Run()> make_run)
      : make_run_(std::move(make_run)), queue_(std::move(queue)) {
    for (unsigned i = 0; i < std::max(threads, 1U); ++i) threads_.emplace_back([this] { work(); });
  }
  ~JobPool() { stop(); }
  JobPool(const JobPool&) = delete;
  JobPool& operator=(const JobPool&) = delete;

  // Runs what still waits, then takes nothing more. One thread calls it, and others may still submit.
  void stop() {
    {
      const std::lock_guard lock(mutex_);
      stop_ = true;
    }
    changed_.notify_all();
    for (auto& thread : threads_) thread.join();
    threads_.clear();
  }

  // Any thread; `how`: what the queue's put wants to know. False: there is no room, or the pool is ending; the job will
  // not run.
  template <class... How>
  [[nodiscard]] bool submit(Job job, const How&... how) {
    {
      const std::lock_guard lock(mutex_);
      if (stop_ || !queue_.put(job, how...)) return false;
    }
    changed_.notify_one();
    return true;
  }

 private:
  void work() {
    auto run = make_run_();
    std::unique_lock lock(mutex_);
    for (;;) {
      changed_.wait(lock, [this] { return stop_ || !queue_.empty(); });
      if (queue_.empty()) return;
      Job job = queue_.take();
      lock.unlock();
      run(job);
      job = nullptr;  // what it captured goes before the lock is taken
      lock.lock();
    }
  }

  const std::function<Run()> make_run_;
  std::mutex mutex_;
  std::condition_variable changed_;
  Queue queue_;        // guarded by mutex_
  bool stop_ = false;  // guarded by mutex_
  std::vector<std::thread> threads_;
};

}  // namespace valise
