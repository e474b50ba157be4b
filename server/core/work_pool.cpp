#include "core/work_pool.hpp"

#include <algorithm>

namespace valise::core {

WorkPool::WorkPool(unsigned threads, std::size_t bound) : bound_(bound) {
  for (unsigned i = 0; i < std::max(threads, 1U); ++i) threads_.emplace_back([this] { work(); });
}

WorkPool::~WorkPool() { stop(); }

void WorkPool::stop() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
  for (auto& thread : threads_) thread.join();
  threads_.clear();
}

bool WorkPool::submit(Job job) {
  {
    const std::lock_guard lock(mutex_);
    if (stop_ || waiting_.size() >= bound_) return false;
    waiting_.push_back(std::move(job));
  }
  changed_.notify_one();
  return true;
}

void WorkPool::work() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return stop_ || !waiting_.empty(); });
    if (waiting_.empty()) return;
    Job job = std::move(waiting_.front());
    waiting_.pop_front();
    lock.unlock();
    job();
    job = nullptr;  // what it captured goes before the lock is taken
    lock.lock();
  }
}

}  // namespace valise::core
