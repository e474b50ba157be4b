// A store that does what a test tells it, and a place where completed units arrive.
#pragma once

#include <gtest/gtest.h>

#include <sys/resource.h>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <csignal>
#include <deque>
#include <functional>
#include <map>
#include <mutex>

#include "../audit/support.hpp"
#include "core/committer.hpp"
#include "core/recovery.hpp"

namespace valise::core {

inline constexpr auto patience = std::chrono::seconds(20);  // a test that waits that long has failed

using Sets = std::span<const storage::WriteSet* const>;

class FakeStore {
 public:
  // Runs instead of the next commit, one each; `apply` is what a commit does.
  using Commit = std::function<Result<>(Sets sets)>;

  StoreThread::OpenWriter opener() {
    return [this]() -> Result<std::unique_ptr<storage::Writer>> {
      const std::lock_guard lock(mutex_);
      if (refused_openings_ > 0) {
        --refused_openings_;
        return fail(ErrorCode::unavailable, "no store here");
      }
      ++openings_;
      return std::make_unique<Writer>(*this);
    };
  }
  void refuse_openings(int count) {
    const std::lock_guard lock(mutex_);
    refused_openings_ = count;
  }
  void next(Commit commit) {
    const std::lock_guard lock(mutex_);
    script_.push_back(std::move(commit));
  }
  // Commits wait at the gate while it is shut.
  void shut() {
    const std::lock_guard lock(mutex_);
    open_ = false;
  }
  void open() {
    {
      const std::lock_guard lock(mutex_);
      open_ = true;
    }
    changed_.notify_all();
  }
  [[nodiscard]] bool wait_until_at_the_gate() {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, patience, [this] { return at_gate_; });
  }
  Result<> apply(Sets sets) {
    const std::lock_guard lock(mutex_);
    ++commits_;
    for (const auto* set : sets) rows_[set->id] = set->writes.size();
    return {};
  }

  std::map<std::uint64_t, std::size_t> rows() {
    const std::lock_guard lock(mutex_);
    return rows_;
  }
  int commits() {
    const std::lock_guard lock(mutex_);
    return commits_;
  }
  int openings() {
    const std::lock_guard lock(mutex_);
    return openings_;
  }

 private:
  struct Writer : storage::Writer {
    explicit Writer(FakeStore& owner) : store(owner) {}
    Result<> commit(Sets sets) override { return store.commit(sets); }
    FakeStore& store;
  };

  Result<> commit(Sets sets) {
    Commit scripted;
    {
      std::unique_lock lock(mutex_);
      at_gate_ = true;
      changed_.notify_all();
      changed_.wait(lock, [this] { return open_; });
      at_gate_ = false;
      if (!script_.empty()) {
        scripted = std::move(script_.front());
        script_.pop_front();
      }
    }
    return scripted ? scripted(sets) : apply(sets);
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Commit> script_;
  std::map<std::uint64_t, std::size_t> rows_;
  int refused_openings_ = 0;
  int openings_ = 0;
  int commits_ = 0;
  bool open_ = true;
  bool at_gate_ = false;
};

class Collector {
 public:
  Committer::Sink sink() {
    return [this](unsigned shard, std::vector<UnitPtr> units) {
      {
        const std::lock_guard lock(mutex_);
        for (auto& unit : units) {
          order_.push_back(unit->id);
          shards_[shard].push_back(std::move(unit));
        }
      }
      changed_.notify_all();
    };
  }
  [[nodiscard]] bool wait_for(std::size_t count) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, patience, [&] { return order_.size() >= count; });
  }
  std::size_t count() {
    const std::lock_guard lock(mutex_);
    return order_.size();
  }
  // Call when nothing is under way any more.
  const std::vector<UnitPtr>& shard(unsigned shard) { return shards_[shard]; }
  std::vector<UnitPtr> take(unsigned shard) { return std::move(shards_[shard]); }
  const std::vector<std::uint64_t>& order() { return order_; }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::uint64_t> order_;
  std::map<unsigned, std::vector<UnitPtr>> shards_;
};

inline bool eventually(const std::function<bool()>& condition) {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return true;
}

inline storage::Write some_write(std::string text = "<message/>") {
  storage::PutMessage write;
  write.message.stanza = std::move(text);
  return write;
}
inline UnitPtr fence_unit(unsigned shard = 0) {
  auto unit = std::make_unique<Unit>();
  unit->shard = shard;
  return unit;
}
inline UnitPtr record_unit(unsigned shard = 0) {
  auto unit = fence_unit(shard);
  unit->record.emplace();
  unit->record->recipient = "bob@valise.example";
  return unit;
}
inline UnitPtr rows_unit(unsigned shard = 0) {
  auto unit = fence_unit(shard);
  unit->writes.push_back(some_write());
  return unit;
}
inline UnitPtr message_unit(unsigned shard = 0) {
  auto unit = record_unit(shard);
  unit->writes.push_back(some_write());
  return unit;
}

inline bool submit(Committer& committer, UnitPtr unit) { return committer.submit(unit); }

// Soft limit on file sizes: a full disk for the log's files beyond that.
class FullDisk {
 public:
  explicit FullDisk(rlim_t bytes) {
    std::signal(SIGXFSZ, SIG_IGN);
    ::getrlimit(RLIMIT_FSIZE, &before_);
    rlimit limit = before_;
    limit.rlim_cur = bytes;
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FullDisk() { free(); }
  void free() { ::setrlimit(RLIMIT_FSIZE, &before_); }

 private:
  rlimit before_{};
};

// A committer over a fresh log and a fake store.
class CommitterTest : public ::testing::Test {
 protected:
  Committer& start(CommitterOptions options = {}) {
    options.retry_min_ms = 1;
    options.retry_max_ms = 4;
    committer = std::make_unique<Committer>(options, audit::open_log(folder.log()), store.opener(), collector.sink());
    return *committer;
  }
  // Ends everything and returns the ids in the log.
  std::vector<std::uint64_t> stop() {
    committer.reset();
    const auto result = audit::verify(folder.log());
    EXPECT_TRUE(result && result->ok()) << result->bad->reason;
    return audit::ids_in(folder.log());
  }

  audit::TemporaryFolder folder;
  FakeStore store;
  Collector collector;
  std::unique_ptr<Committer> committer;
};

}  // namespace valise::core
