#include "core/committer.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <iterator>

#include "base/fault.hpp"
#include "base/log.hpp"
#include "core/footprint.hpp"

namespace valise::core {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

// How far back the observed rate looks. A burst, such as each session is allowed, is no load that lasts: others would
// wait longer for it, and little would be saved.
constexpr double rate_seconds = 8;
// Units a second that are remembered: behind a flood batches start at once again within six seconds.
constexpr double most_rate = 800;

std::int64_t steady_us() noexcept {
  return std::chrono::duration_cast<microseconds>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

void count(CommitStats::Counter& counter, std::uint64_t n = 1) { counter.fetch_add(n, std::memory_order_relaxed); }

void raise(CommitStats::Counter& counter, std::uint64_t value) {
  if (counter.load(std::memory_order_relaxed) < value) counter.store(value, std::memory_order_relaxed);
}

}  // namespace

Committer::Committer(CommitterOptions options, std::unique_ptr<audit::Log> log, StoreThread::OpenWriter open_writer,
                     Sink sink)
    : options_(options),
      sink_(std::move(sink)),
      log_on_(log != nullptr),
      log_(std::move(log)),
      ids_(options.node, options.last_id),
      queue_(options.max_batch_bytes / 4) {
  if (log_) log_options_ = log_->options();
  if (open_writer) {
    store_ =
        std::make_unique<StoreThread>(std::move(open_writer), options_.retry_min_ms, options_.retry_max_ms, stats_);
  }
  thread_ = std::thread([this] { run(); });
}

Committer::~Committer() { drain_and_stop(std::chrono::seconds(5)); }

// ---- any thread

bool Committer::admit(std::size_t units, std::size_t bytes) {
  const auto most = log_away_ ? std::min(options_.max_units, options_.max_units_without_log) : options_.max_units;
  if (stopping_ || units_ + units > most || bytes_ + bytes > options_.max_bytes) {
    count(stats_.refused, units);
    return false;
  }
  units_ += units;
  bytes_ += bytes;
  stats_.waiting.store(units_, std::memory_order_relaxed);
  return true;
}

bool Committer::wake_needed() {
  if (sleep_ == Sleep::awake || (sleep_ == Sleep::gathering && queue_.size() < options_.gather_units)) return false;
  sleep_ = Sleep::awake;
  return true;
}

bool Committer::submit(UnitPtr& unit) { return submit(std::span(&unit, 1)); }

bool Committer::submit(std::span<UnitPtr> units) {
  std::size_t bytes = 0;
  for (const auto& unit : units) bytes += footprint(*unit);
  bool wake = false;
  {
    const std::lock_guard lock(mutex_);
    if (!admit(units.size(), bytes)) return false;
    if (queue_.empty()) waiting_since_us_ = steady_us();
    for (auto& unit : units) {
      const auto weight = units.size() == 1 ? bytes : footprint(*unit);
      queue_.push(std::move(unit), weight);
    }
    wake = wake_needed();
  }
  if (wake) wake_.notify_one();
  return true;
}

std::size_t Committer::drain_and_stop(milliseconds limit) {
  {
    std::unique_lock lock(mutex_);
    if (!thread_.joinable()) return 0;
    stopping_ = true;
    sleep_ = Sleep::awake;
    wake_.notify_one();
    if (!finished_.wait_for(lock, limit, [this] { return done_; })) {
      abandoned_ = true;
      wake_.notify_one();
      lock.unlock();
      if (store_) store_->abandon();
    }
  }
  thread_.join();
  store_.reset();
  log_.reset();
  return dropped_;
}

// ---- the committer's thread: when

void Committer::run() {
  while (take_batch()) {
    const auto started_us = steady_us();
    prepare();
    if (commit_batch() == Known::yes) {
      complete_batch();
      const auto busy = static_cast<std::uint64_t>(steady_us() - started_us);
      count(stats_.busy_us, busy);
      raise(stats_.max_busy_us, busy);
    } else {
      drop_batch();
    }
    settle_if_due();
  }
  fail_queued();
  if (log_ && log_->unsettled()) static_cast<void>(log_->settle());
  const std::lock_guard lock(mutex_);
  done_ = true;
  finished_.notify_all();
}

// Fills batch_ with what waits, as the rule at the top of committer.hpp says. False: stopping, and nothing is left
// (or nothing more can be done).
bool Committer::take_batch() {
  std::unique_lock lock(mutex_);
  while (true) {
    if (abandoned_) return false;
    if (log_on_ && !log_) {
      // Fail closed: nothing is begun without the log. Units wait, and beyond the bound submit says no.
      lock.unlock();
      static_cast<void>(pause(log_delay_ms_) && reopen_log());
      lock.lock();
      if (!log_ && stopping_ && queue_.empty()) return false;
      if (!log_) continue;
    }
    if (!wait_for_units(lock)) return false;
    if (!queue_.empty() && (log_ || !log_on_)) break;  // settling may have lost it just now
  }
  batch_.bytes = queue_.take(batch_.units, options_.max_batch, options_.max_batch_bytes);
  waiting_since_us_ = 0;  // what is left has waited long enough
  lock.unlock();
  note_start(batch_.units.size());
  return true;
}

// Sleeps until a batch should start (true), or something else has to be looked at (true, with an empty queue), or all
// is done (false).
bool Committer::wait_for_units(std::unique_lock<std::mutex>& lock) {
  const auto awake = [this] { return sleep_ == Sleep::awake; };
  while (!abandoned_) {
    if (!queue_.empty()) {
      const auto left_us = gather_left_us();
      if (stopping_ || left_us <= 0 || queue_.size() >= options_.gather_units) return true;
      sleep_ = Sleep::gathering;
      wake_.wait_for(lock, microseconds(left_us), awake);
    } else if (stopping_) {
      return false;
    } else if (log_ && log_->unsettled()) {
      const auto left_ms = log_->settle_due_ms() - steady_ms();
      if (left_ms <= 0) {
        lock.unlock();
        settle_if_due();
        lock.lock();
        return true;
      }
      sleep_ = Sleep::idle;
      wake_.wait_for(lock, milliseconds(left_ms), awake);
    } else {
      sleep_ = Sleep::idle;
      wake_.wait(lock, awake);
    }
    sleep_ = Sleep::awake;
  }
  return false;
}

std::int64_t Committer::gather_left_us() const {
  const auto now_us = steady_us();
  const double rate = rate_ * std::exp(-static_cast<double>(now_us - last_start_us_) * 1e-6 / rate_seconds);
  return rate <= options_.gather_rate ? 0 : options_.gather_us - (now_us - waiting_since_us_);
}

void Committer::note_start(std::size_t units) {
  const auto now_us = steady_us();
  const double since = static_cast<double>(now_us - last_start_us_) * 1e-6;
  rate_ = rate_ * std::exp(-since / rate_seconds) + static_cast<double>(units) / rate_seconds;
  rate_ = std::min(rate_, most_rate);
  last_start_us_ = now_us;
  count(stats_.batches);
  raise(stats_.max_batch, units);
}

// ---- the committer's thread: what

// Gives ids and times, and sorts out what goes to the log and what to the store.
void Committer::prepare() {
  batch_.records.clear();
  batch_.sets.clear();
  batch_.set_pointers.clear();
  batch_.set_units.clear();
  const auto now_ns = utc_now_ns();
  for (auto& [unit, bytes] : batch_.units) {
    unit->id = ids_.next();
    unit->outcome = {};
    if (unit->record) {
      unit->record->id = unit->id;
      unit->record->rows = !unit->writes.empty();
      unit->record->time_ns = now_ns;
      if (log_on_) batch_.records.push_back(&*unit->record);
    }
    if (unit->writes.empty()) continue;
    batch_.sets.push_back({unit->id, std::move(unit->writes)});
    batch_.set_units.push_back(unit.get());
  }
  for (const auto& set : batch_.sets) batch_.set_pointers.push_back(&set);
  if (batch_.sets.empty()) return;
  // Recovery holds the store against the log by this. Never more than is durable: a crash keeps all of it.
  auto& mark = batch_.sets.front().log.emplace();
  if (log_) mark = {.size = log_->durable_size(), .chain = log_->chain()};
}

// Known::no: stopped before the outcome was known.
Committer::Known Committer::commit_batch() {
  VALISE_FAULT("commit.batch.before");
  const bool rows = !batch_.sets.empty();
  if (rows && !store_) {
    fail_batch({ErrorCode::internal, "there is no store"});
    return Known::yes;
  }
  if (rows) {
    count(stats_.store_batches);
    store_->start(batch_.set_pointers);
  }
  auto logged = append(batch_.records);
  VALISE_FAULT("commit.logged.after");
  const auto stored = rows ? store_->wait() : Result<>();
  VALISE_FAULT("commit.stored.after");
  if (!stored && stored.error().code == ErrorCode::unavailable) return Known::no;
  if (stored && logged) return Known::yes;
  if (!logged) {
    // Without rows nothing happened, and everybody may be told so. With rows it did happen: the record has to follow,
    // however long the log is away.
    if (rows && stored) return log_until_known(batch_.records);
    fail_batch(logged.error());
    return Known::yes;
  }
  return commit_singly();
}

// The store refuses the batch as a whole: each unit stands for itself.
Committer::Known Committer::commit_singly() {
  for (std::size_t i = 0; i < batch_.sets.size(); ++i) {
    count(stats_.store_single);
    store_->start(std::span(batch_.set_pointers).subspan(i, 1));
    auto stored = store_->wait();
    VALISE_FAULT("commit.single.after");
    if (stored) continue;
    if (stored.error().code == ErrorCode::unavailable) return Known::no;
    auto& unit = *batch_.set_units[i];
    log::error("commit", "unit {} cannot be stored: {}", unit.id, log::printable(stored.error().text, 512));
    // Before the next unit: recovery takes rows for committed up to the greatest id that the store has seen.
    VALISE_FAULT("commit.take_back.before");
    if (take_back(unit) == Known::no) return Known::no;
    VALISE_FAULT("commit.take_back.after");
    unit.outcome = std::move(stored);
  }
  return Known::yes;
}

// Says in the log that the rows of this unit's record do not exist.
Committer::Known Committer::take_back(const Unit& unit) {
  if (!log_on_ || !unit.record) return Known::yes;
  audit::Record taken;
  taken.kind = audit::Kind::voided;
  taken.id = unit.id;
  taken.time_ns = utc_now_ns();
  taken.reason = "rows-refused";
  const audit::Record* const pointer = &taken;
  if (log_until_known({&pointer, 1}) == Known::no) return Known::no;
  count(stats_.voids);
  return Known::yes;
}

Result<> Committer::append(std::span<const audit::Record* const> records) {
  if (records.empty()) return {};
  auto done = log_->append(records);
  if (done) {
    log_delay_ms_ = 0;
  } else {
    log_went_away(done.error());
  }
  return done;
}

void Committer::log_went_away(const Error& error) {
  log::error("commit", "the audit log is away, nothing is delivered without it: {}", log::printable(error.text, 512));
  log_size_ = log_->durable_size();
  log_.reset();
  back_off_log();
  const std::lock_guard lock(mutex_);
  log_away_ = true;
}

// The delay grows until an append succeeds: on a full disk the log can often be opened and still not be written.
void Committer::back_off_log() {
  count(stats_.log_failures);
  log_delay_ms_ = std::clamp(log_delay_ms_ * 2, options_.retry_min_ms, options_.retry_max_ms);
}

Committer::Known Committer::log_until_known(std::span<const audit::Record* const> records) {
  while (true) {
    if (!log_) {
      if (!pause(log_delay_ms_)) return Known::no;
      if (!reopen_log()) continue;
    }
    if (append(records)) return Known::yes;
  }
}

// One try to open the log by recovery; what failed before is cut off.
bool Committer::reopen_log() {
  auto log = audit::Log::open(log_options_, log_size_);
  if (!log) {
    back_off_log();
    return false;
  }
  log_ = std::move(*log);
  count(stats_.log_reopens);
  log::warning("commit", "the audit log is back");
  const std::lock_guard lock(mutex_);
  log_away_ = false;
  return true;
}

// False: drain_and_stop has given up.
bool Committer::pause(std::int64_t ms) {
  std::unique_lock lock(mutex_);
  return !wake_.wait_for(lock, milliseconds(ms), [this] { return abandoned_; });
}

void Committer::settle_if_due() {
  if (!log_ || !log_->unsettled() || steady_ms() < log_->settle_due_ms()) return;
  if (auto done = log_->settle(); !done) log_went_away(done.error());
}

void Committer::fail_batch(const Error& error) {
  for (auto* unit : batch_.set_units) unit->outcome = std::unexpected(error);
  for (auto& [unit, bytes] : batch_.units) {
    if (unit->record && log_on_) unit->outcome = std::unexpected(error);
  }
}

// ---- the committer's thread: completion

void Committer::complete_batch() {
  VALISE_FAULT("commit.complete.before");
  for (std::size_t i = 0; i < batch_.sets.size(); ++i) batch_.set_units[i]->writes = std::move(batch_.sets[i].writes);
  for (const auto& [unit, bytes] : batch_.units) {
    if (unit->outcome) continue;
    count(stats_.failed);
    if (unit->nobody_waits) count(stats_.unwaited_failed);
  }
  count(stats_.units, batch_.units.size());
  hand_back();
  VALISE_FAULT("commit.complete.after");
}

// What was made on a shard is destroyed there.
void Committer::hand_back() {
  const auto units = batch_.units.size();
  for (auto& [unit, bytes] : batch_.units) {
    // Who is not told dies with the unit, on the shard that made both.
    if (auto& beside = unit->beside; unit->known && unit->outcome && beside.is_wanted()) {
      auto told = std::make_unique<Unit>();
      told->id = unit->id;
      told->done = std::move(beside.done);
      completed_on(beside.shard).push_back(std::move(told));
    }
    if (!unit->nobody_waits) completed_on(unit->shard).push_back(std::move(unit));
  }
  batch_.units.clear();
  release(units, batch_.bytes);
  for (unsigned shard = 0; shard < completed_.size(); ++shard) {
    if (!completed_[shard].empty()) sink_(shard, std::exchange(completed_[shard], {}));
    VALISE_FAULT("commit.handed.after");
  }
}

std::vector<UnitPtr>& Committer::completed_on(unsigned shard) {
  if (shard >= completed_.size()) completed_.resize(shard + 1);
  return completed_[shard];
}

void Committer::release(std::size_t units, std::size_t bytes) {
  const std::lock_guard lock(mutex_);
  units_ -= units;
  bytes_ -= bytes;
  stats_.waiting.store(units_, std::memory_order_relaxed);
}

void Committer::drop_batch() {
  log::error("commit", "stopped before the outcome of {} units was known", batch_.units.size());
  dropped_ += batch_.units.size();
  for (auto& [unit, bytes] : batch_.units) {
    unit->known = false;
    unit->outcome = fail(ErrorCode::unavailable, "the server ended before it was known");
  }
  hand_back();
}

// Units that were never begun when drain_and_stop gave up.
void Committer::fail_queued() {
  batch_.sets.clear();
  {
    const std::lock_guard lock(mutex_);
    batch_.bytes = queue_.take(batch_.units, SIZE_MAX, SIZE_MAX);
  }
  for (auto& [unit, bytes] : batch_.units) unit->outcome = fail(ErrorCode::unavailable, "the server is stopping");
  if (!batch_.units.empty()) complete_batch();
}

}  // namespace valise::core
