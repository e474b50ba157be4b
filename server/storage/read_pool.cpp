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

ReadPool::ReadPool(Store& store, unsigned threads, std::size_t bound)
    : pool_(threads, BoundedQueue<Job>(bound),
            [&store] { return [reader = Lazy(store)](Job& job) mutable { job(reader.get()); }; }) {}

}  // namespace valise::storage
