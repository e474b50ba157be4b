#include "storage/read_pool.hpp"

#include <algorithm>

#include "base/clock.hpp"
#include "base/log.hpp"

namespace valise::storage {
namespace {

// One thread's Reader, opened when it is wanted and not more often than the store can bear.
class Lazy {
 public:
  explicit Lazy(Store& store) : store_(store) {}

  Reader* get() {
    if (reader_ || steady_ms() < next_ms_) return reader_.get();
    auto opened = store_.open_reader();
    if (opened) {
      reader_ = *std::move(opened);
      return reader_.get();
    }
    if (wait_ms_ == 0) log::warning("storage", "no reader: {}", opened.error().text);
    wait_ms_ = std::clamp<std::int64_t>(wait_ms_ * 2, 50, 5000);
    next_ms_ = steady_ms() + wait_ms_;
    return nullptr;
  }

 private:
  Store& store_;
  std::unique_ptr<Reader> reader_;
  std::int64_t wait_ms_ = 0;
  std::int64_t next_ms_ = 0;
};

}  // namespace

ReadPool::ReadPool(Store& store, unsigned threads, std::size_t bound) : store_(store), bound_(bound) {
  for (unsigned i = 0; i < std::max(threads, 1U); ++i) threads_.emplace_back([this] { work(); });
}

ReadPool::~ReadPool() { stop(); }

void ReadPool::stop() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
  for (auto& thread : threads_) thread.join();
  threads_.clear();
}

bool ReadPool::submit(Job job) {
  {
    const std::lock_guard lock(mutex_);
    if (stop_ || waiting_.size() >= bound_) return false;
    waiting_.push_back(std::move(job));
  }
  changed_.notify_one();
  return true;
}

void ReadPool::work() {
  Lazy reader(store_);
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return stop_ || !waiting_.empty(); });
    if (waiting_.empty()) return;
    Job job = std::move(waiting_.front());
    waiting_.pop_front();
    lock.unlock();
    job(reader.get());
    job = nullptr;  // what it captured goes before the lock is taken
    lock.lock();
  }
}

}  // namespace valise::storage
