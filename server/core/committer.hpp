// The committer (ARCHITECTURE.md, "The life of a unit"): takes units from all shards, gives them their ids in order,
// makes record batch and store transaction durable in parallel, and hands the units back in id order.
//
// What a completed unit may rely on: outcome ok = its record and its rows are durable; an error = none of it is, except
// for a record that was taken back by a later `void` record before the unit was completed. A unit whose outcome cannot
// be known is never completed falsely: its batch waits until it is known, and all units behind it wait too, up to the
// bound of submit().
//
// When a batch starts. Alone and idle: at once. One fsync costs 50 to 100 µs of CPU, twenty times what a unit costs, so
// while more than `gather_rate` units a second come, seen over seconds, a batch starts `gather_us` after its first unit
// was submitted (at 500 units a second that halves the number of syncs), or as soon as `gather_units` wait: then a
// unit's share of the sync is small. What waited that long behind another batch starts at once. Which units are in it
// CommitLine says.
//
// Threads: the committer's own writes the log and completes; a second one (StoreThread) commits rows. Shards only take
// a short lock to submit; a system call is made only when the committer sleeps.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <thread>
#include <vector>

#include "base/clock.hpp"
#include "core/audit/log.hpp"
#include "core/audit/metrics.hpp"
#include "core/commit_line.hpp"
#include "core/store_thread.hpp"
#include "core/unit.hpp"

namespace valise::core {

struct CommitterOptions {
  unsigned node = 0;               // 0 … 1023, part of each id
  std::uint64_t last_id = 0;       // Recovery::last_id
  std::int64_t gather_us = 2'000;  // 0: never gather
  double gather_rate = 400;        // units a second
  std::size_t gather_units = 64;
  std::size_t max_batch = 500;             // units
  std::size_t max_batch_bytes = 1u << 20;  // of the line; at least one unit is taken, others wait for all of it
  std::size_t max_units = 65'536;          // taken and not completed
  std::size_t max_bytes = 128u << 20;
  std::size_t max_units_without_log = 4'096;  // the same while the log is away
  std::int64_t retry_min_ms = 50;             // back-off, doubled up to
  std::int64_t retry_max_ms = 5'000;
};

class Committer {
 public:
  // Receives completed units, ascending by id, on the committer's thread; must not block and must not throw. For
  // core::finish on their shard.
  using Sink = std::function<void(unsigned shard, std::vector<UnitPtr> units)>;

  // `log` null: records are dropped. `open_writer` empty: no unit may have writes. Starts the threads.
  Committer(CommitterOptions options, std::unique_ptr<audit::Log> log, StoreThread::OpenWriter open_writer, Sink sink);
  ~Committer();  // drain_and_stop with five seconds
  Committer(const Committer&) = delete;
  Committer& operator=(const Committer&) = delete;

  // Any thread. Takes the unit and leaves null, or takes nothing and answers false: a bound was reached or the
  // committer is stopping; the sender gets <resource-constraint/> type wait (RFC 6120 §8.3.3.18).
  [[nodiscard]] bool submit(UnitPtr& unit);
  // All or none, with neighbouring ids.
  [[nodiscard]] bool submit(std::span<UnitPtr> units);

  // Takes no more units, commits and completes what it has, settles the log, ends the threads. After `limit` it gives
  // up waiting for a log or store that is away: units that were not begun fail, those whose outcome cannot be known are
  // handed back without one (Unit::known; recovery finds out). Returns how many these were. A second call does nothing.
  std::size_t drain_and_stop(std::chrono::milliseconds limit);

  [[nodiscard]] const CommitStats& stats() const noexcept { return stats_; }
  // Any thread. An eighth of what may wait in bytes does: who brings more is read more slowly, before anybody is
  // refused.
  [[nodiscard]] bool is_crowded() const noexcept {
    return bytes_.load(std::memory_order_relaxed) > options_.max_bytes / 8;
  }

 private:
  struct Batch {
    std::vector<CommitLine::Waiting> units;
    std::size_t bytes = 0;
    std::vector<const audit::Record*> records;
    std::vector<storage::WriteSet> sets;  // of the units with writes, in order
    std::vector<const storage::WriteSet*> set_pointers;
    std::vector<Unit*> set_units;
  };
  enum class Sleep : std::uint8_t { awake, idle, gathering };
  enum class Known : bool { no, yes };

  [[nodiscard]] bool admit(std::size_t units, std::size_t bytes);  // with the lock held
  [[nodiscard]] bool wake_needed();

  void run();
  bool take_batch();
  bool wait_for_units(std::unique_lock<std::mutex>& lock);
  [[nodiscard]] std::int64_t gather_left_us() const;  // with the lock held
  void note_start(std::size_t units);
  void prepare();
  Known commit_batch();
  Known commit_singly();
  Known log_until_known(std::span<const audit::Record* const> records);
  Known take_back(const Unit& unit);
  Result<> append(std::span<const audit::Record* const> records);
  void log_went_away(const Error& error);
  void back_off_log();
  bool reopen_log();
  bool pause(std::int64_t ms);
  void settle_if_due();
  void fail_batch(const Error& error);
  void complete_batch();
  void hand_back();
  [[nodiscard]] std::vector<UnitPtr>& completed_on(unsigned shard);
  void release(std::size_t units, std::size_t bytes);
  void drop_batch();
  void fail_queued();

  // Fixed after start.
  const CommitterOptions options_;
  const Sink sink_;
  const bool log_on_;
  audit::LogOptions log_options_;

  CommitStats stats_;

  // The committer's thread.
  std::unique_ptr<audit::Log> log_;  // null while away
  std::uint64_t log_size_ = 0;       // durable entries when it went away
  std::int64_t log_delay_ms_ = 0;    // before the next try; 0: the last append succeeded
  IdGenerator ids_;
  Batch batch_;
  std::vector<std::vector<UnitPtr>> completed_;  // by shard
  double rate_ = 0;                              // units a second, decaying
  std::int64_t last_start_us_ = 0;
  std::size_t dropped_ = 0;

  // Guarded by mutex_.
  std::mutex mutex_;
  std::condition_variable wake_;       // the committer waits
  std::condition_variable finished_;   // drain_and_stop waits
  CommitLine queue_;                   // a quarter of a batch is a crowd
  std::int64_t waiting_since_us_ = 0;  // when the first of queue_ came
  std::size_t units_ = 0;              // taken and not completed
  std::atomic<std::size_t> bytes_{0};  // of these; read by any thread
  Sleep sleep_ = Sleep::awake;
  bool log_away_ = false;
  bool stopping_ = false;
  bool abandoned_ = false;
  bool done_ = false;

  std::unique_ptr<StoreThread> store_;  // null without open_writer
  std::thread thread_;
};

}  // namespace valise::core
