// What all shards share. Fixed after start, or replaced whole (settings); everything in it is safe from any thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "config/snapshot.hpp"
#include "core/cluster.hpp"
#include "core/handled.hpp"
#include "core/module.hpp"
#include "core/settings.hpp"
#include "core/work_pool.hpp"
#include "storage/read_pool.hpp"

namespace valise::core {

class Committer;
class Shard;
namespace auth {
class Brake;
}

// How near the process is to limits.memory, without what strangers hold, who have not logged in (docs/security.md §3):
// they are ended first, and shut nobody out.
enum class MemoryState : std::uint8_t {
  enough,
  high,      // 80 %: nobody is let in
  critical,  // 90 %: contacts' presence is left out
};

struct KernelStats {
  std::atomic<std::uint64_t> messages{0};
  std::atomic<std::uint64_t> refused{0};
  std::atomic<std::int64_t> sessions{0};
  std::atomic<std::int64_t> detached{0};  // of these: without a connection (XEP-0198 §5)
  std::atomic<std::int64_t> connections{0};
  std::atomic<std::int64_t> unauthenticated{0};
};

struct Kernel {
  // -- fixed after start
  std::vector<std::unique_ptr<Shard>> shards;
  std::unique_ptr<Cluster> cluster;
  Committer* committer = nullptr;  // null: nothing is written, no log
  storage::ReadPool* readers = nullptr;
  WorkPool* workers = nullptr;   // null: Shard::compute works on the shard's own thread
  auth::Brake* brake = nullptr;  // null: there are no log-ins
  std::vector<const Manifest*> modules;
  HasRow has_row = nullptr;     // what they may handle; null: nothing
  std::int64_t started_ms = 0;  // UTC
  std::uint64_t last_id = 0;    // the greatest that an earlier process gave out (Recovery::last_id)
  std::string client_secret;    // tokens and resources of clients come from it; the same behind each start
  // -- counters
  KernelStats stats;
  std::atomic<std::uint64_t> next_session{1};
  std::atomic<MemoryState> memory{MemoryState::enough};  // set by main/memory_watch
  std::atomic<bool> crowded{false};  // 90 % with strangers: each new one takes the place of the oldest

  [[nodiscard]] Shard& home(std::string_view bare_jid) const;
  [[nodiscard]] unsigned home_index(std::string_view bare_jid) const noexcept;
  [[nodiscard]] bool memory_is(MemoryState at_least) const noexcept {
    return memory.load(std::memory_order_relaxed) >= at_least;
  }
};

}  // namespace valise::core
