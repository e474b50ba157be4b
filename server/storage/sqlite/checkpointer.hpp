// Moves committed pages from the write-ahead log into the database file, on a thread of its own: commits never pay for
// it. Each round goes in two steps: nearly everything while the writer works on, then, with the writer held at the gate
// between two commits, the short rest; only then can the log begin again at its start instead of growing.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "storage/sqlite/connection.hpp"

namespace valise::storage::sqlite {

// A lock that nobody can take twice while another waits (std::mutex promises no such thing).
class Gate {
 public:
  void lock() {
    next_.lock();
    inside_.lock();
    next_.unlock();
  }
  void unlock() { inside_.unlock(); }

 private:
  std::mutex next_, inside_;
};

class Checkpointer {
 public:
  explicit Checkpointer(std::string path);
  ~Checkpointer();  // ends after the round in progress
  Checkpointer(const Checkpointer&) = delete;
  Checkpointer& operator=(const Checkpointer&) = delete;

  // The writer's: held from BEGIN to COMMIT.
  [[nodiscard]] Gate& gate() noexcept { return gate_; }
  // The writer's, after a commit and outside the gate: the log holds `pages` now. Waits for one round if that is far
  // too much.
  void log_has(int pages);

 private:
  void work();
  void round();
  Result<> checkpoint();

  const std::string path_;
  Gate gate_;
  std::unique_ptr<Connection> connection_;  // this thread's
  bool failing_ = false;

  std::mutex mutex_;
  std::condition_variable changed_;
  bool wanted_ = false;  // guarded by mutex_
  bool stop_ = false;    // guarded by mutex_
  std::thread thread_;   // last: starts when all else is there
};

}  // namespace valise::storage::sqlite
