// Work that takes a shard's thread longer than a turn may: so far deriving keys from passwords (RFC 5802 §2.2, some
// 10 ms each). Anybody may cause it, before he has shown who he is: so it waits in two lanes, each with places of its
// own, and no network takes more than a few of them.
#pragma once

#include <array>
#include <cstddef>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <unordered_map>

#include "base/job_pool.hpp"
#include "core/auth/brake.hpp"

namespace valise::core {

// For whom something is computed.
struct Share {
  bool known = false;                    // has logged in from there lately (auth::Brake::known), or is logged in
  std::optional<auth::Network> network;  // nothing: it is not known, which is one network more
};

// The lanes of the known and of all others. They take turns, so that neither waits for more than one job of the other's
// at a time; within a lane it is first come, first served.
class FairQueue {
 public:
  using Job = std::move_only_function<void()>;
  struct Bounds {
    std::size_t lane;     // jobs that wait
    std::size_t network;  // … of one network
  };
  FairQueue(Bounds known, Bounds others);

  // False: lane or network has all that it may have; the job stays with the caller.
  [[nodiscard]] bool put(Job& job, const Share& share);
  [[nodiscard]] bool empty() const;
  // REQUIRES: not empty.
  [[nodiscard]] Job take();

 private:
  struct Waiting {
    std::string network;
    Job job;
  };
  struct Lane {
    Bounds bounds;
    std::deque<Waiting> waiting;
    std::unordered_map<std::string, std::size_t> of_network;  // how many of `waiting`
  };
  std::array<Lane, 2> lanes_;
  std::size_t next_ = 0;  // whose turn it is
};

// Its threads.
class WorkPool {
 public:
  using Job = FairQueue::Job;
  // `threads` at least 1.
  WorkPool(unsigned threads, FairQueue queue)
      : pool_(threads, std::move(queue), [] { return [](Job& job) { job(); }; }) {}
  // As JobPool's.
  void stop() { pool_.stop(); }
  [[nodiscard]] bool submit(const Share& share, Job job) { return pool_.submit(std::move(job), share); }

 private:
  JobPool<FairQueue> pool_;
};

}  // namespace valise::core
