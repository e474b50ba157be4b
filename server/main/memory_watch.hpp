// What the process takes of memory beside what it may (docs/security.md §3), and memory that was freed given back to
// the system: malloc by itself keeps what lies below something that is still in use.
#pragma once

#include <atomic>
#include <cstdint>
#include <limits>
#include <mutex>
#include <string_view>

#include "core/kernel.hpp"

namespace valise {

// "enough", "high", "critical".
[[nodiscard]] std::string_view name_of(core::MemoryState state) noexcept;

// 80 and 90 % of the limit; a state is left 5 points below where it begins, so that nobody is let in and out by turns.
[[nodiscard]] core::MemoryState memory_state(std::uint64_t resident, std::uint64_t limit,
                                             core::MemoryState before) noexcept;

// What is to be done.
struct MemoryNeeds {
  core::MemoryState state = core::MemoryState::enough;  // of what is not strangers'
  std::uint64_t from_strangers = 0;                     // bytes that they give back, from 80 % of all on down to 75 %
  bool crowded = false;                                 // 90 % of all: those who have just come, too
};
// `strangers`: of `resident`, what those hold who have not logged in.
[[nodiscard]] MemoryNeeds memory_needs(std::uint64_t resident, std::uint64_t strangers, std::uint64_t limit,
                                       core::MemoryState before) noexcept;

// When giving back is worth its price, page faults later: at once where it is much, within a minute where it is less.
class TrimPolicy {
 public:
  // `idle`: bytes in memory that nobody uses.
  [[nodiscard]] bool is_due(std::uint64_t idle, std::int64_t now_ms) noexcept;
  // What is still idle afterwards can't go.
  void gave_back(std::uint64_t idle, std::int64_t now_ms) noexcept;

 private:
  std::uint64_t least_ = std::numeric_limits<std::uint64_t>::max();  // idle, since the last time
  std::int64_t given_back_ms_ = 0;
};

// What the service may take (cgroup v2, memory.max) or the machine has; bytes. Never 0.
[[nodiscard]] std::uint64_t available_memory();

class MemoryWatch {
 public:
  // `configured`: limits.memory; 0: available_memory(). `strangers`: what they hold, as last counted. Any thread; one
  // at a time looks.
  [[nodiscard]] MemoryNeeds look(std::int64_t configured, std::int64_t now_ms, std::uint64_t strangers,
                                 core::MemoryState before);
  // Of the last look; bytes.
  [[nodiscard]] std::uint64_t resident() const noexcept { return resident_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t limit() const noexcept { return limit_.load(std::memory_order_relaxed); }

 private:
  std::mutex mutex_;  // guards what follows up to resident_
  std::uint64_t available_ = 0;
  std::int64_t counted_ms_ = 0;
  TrimPolicy trim_;
  bool strangers_go_ = false;           // since the last look: what they had is given back before the next
  std::uint64_t strangers_before_ = 0;  // at the last look
  std::atomic<std::uint64_t> resident_{0};
  std::atomic<std::uint64_t> limit_{0};
};

}  // namespace valise
