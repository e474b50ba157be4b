// What the process takes of memory beside what it may (docs/security.md §3), and memory that was freed given back to
// the system: malloc by itself keeps what lies below something that is still in use.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <string_view>

#include "core/kernel.hpp"

namespace valise {

// "enough", "high", "critical".
[[nodiscard]] std::string_view name_of(core::MemoryState state) noexcept;

// 80 and 90 % of the limit; a state is left 5 points below where it begins, so that nobody is let in and out by turns.
[[nodiscard]] core::MemoryState memory_state(std::uint64_t resident, std::uint64_t limit,
                                             core::MemoryState before) noexcept;

// When giving back is worth its price: walking malloc's free lists, and page faults later.
class TrimPolicy {
 public:
  // `free`: bytes that malloc holds and nobody uses.
  [[nodiscard]] bool is_due(std::uint64_t free) noexcept;

 private:
  std::uint64_t least_free_ = 0;  // since the last time: that much lies there already, and is given back already
};

// What the service may take (cgroup v2, memory.max) or the machine has; bytes. Never 0.
[[nodiscard]] std::uint64_t available_memory();

class MemoryWatch {
 public:
  // `configured`: limits.memory; 0: available_memory(). Any thread; one at a time looks.
  [[nodiscard]] core::MemoryState look(std::int64_t configured, std::int64_t now_ms, core::MemoryState before);
  // Of the last look; bytes.
  [[nodiscard]] std::uint64_t resident() const noexcept { return resident_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t limit() const noexcept { return limit_.load(std::memory_order_relaxed); }

 private:
  std::mutex mutex_;  // guards what follows up to resident_
  std::uint64_t available_ = 0;
  std::int64_t counted_ms_ = 0;
  TrimPolicy trim_;
  std::atomic<std::uint64_t> resident_{0};
  std::atomic<std::uint64_t> limit_{0};
};

}  // namespace valise
