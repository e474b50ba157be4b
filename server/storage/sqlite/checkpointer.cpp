#include "storage/sqlite/checkpointer.hpp"

#include <utility>

#include "base/log.hpp"

namespace valise::storage::sqlite {
namespace {

// 4 MiB of log. Less writes a page of the database more often, more lets each round's syncs compete longer with those
// of commits: over 100,000 stored messages, batches of 100, one run each, 1,024 pages cost 23 µs a message with commits
// up to 12 ms (p99), 8,192 pages 19 µs and 19 ms. The order of 512 to 4,096 among themselves is below that noise.
constexpr int pages_a_round = 1024;
// 24 MiB: so much behind, the writer waits for a round, so that the log stays bounded on a machine that is too busy.
constexpr int most_pages = 6144;

}  // namespace

Checkpointer::Checkpointer(std::string path) : path_(std::move(path)), thread_([this] { work(); }) {}

Checkpointer::~Checkpointer() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  changed_.notify_one();
  thread_.join();
}

void Checkpointer::log_has(int pages) {
  if (pages < pages_a_round) return;
  std::unique_lock lock(mutex_);
  if (!std::exchange(wanted_, true)) changed_.notify_all();
  if (pages >= most_pages) changed_.wait(lock, [this] { return !wanted_; });
}

void Checkpointer::work() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return wanted_ || stop_; });
    if (stop_) return;
    lock.unlock();
    round();
    lock.lock();
    wanted_ = false;
    changed_.notify_all();
  }
}

// A failure loses nothing, the log only grows: it is told once, and tried again after the next commit.
void Checkpointer::round() {
  auto done = checkpoint();
  if (done) {
    const std::lock_guard hold(gate_);
    done = checkpoint();
  }
  if (!done) {
    connection_.reset();  // a failed sync is not repeated on the same handle
    if (!failing_) log::error("storage", "checkpoint: {}", done.error().text);
  } else if (failing_) {
    log::info("storage", "checkpoint: works again");
  }
  failing_ = !done;
}

Result<> Checkpointer::checkpoint() {
  if (!connection_) {
    auto opened = Connection::open(path_, Mode::checkpointer);
    if (!opened) return std::unexpected(opened.error());
    connection_ = *std::move(opened);
  }
  // PASSIVE waits for nobody; readers of old pages make it do less, not fail.
  return connection_->execute("PRAGMA wal_checkpoint(PASSIVE)");
}

}  // namespace valise::storage::sqlite
