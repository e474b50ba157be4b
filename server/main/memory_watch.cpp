#include "main/memory_watch.hpp"

#include <malloc.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <string>
#include <utility>

namespace valise {
namespace {

using core::MemoryState;

constexpr std::uint64_t MiB = 1024 * 1024;
constexpr std::uint64_t worth_giving_back = 8 * MiB;
constexpr std::int64_t count_every_ms = 5'000;  // malloc's free lists are walked so often

// proc(5), statm: the second number, in pages. In a chroot there is no /proc: what malloc has then.
std::uint64_t resident_now() {
  std::ifstream file("/proc/self/statm");
  std::uint64_t size = 0, resident = 0;
  if (file >> size >> resident) return resident * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
  const auto heap = mallinfo2();
  return heap.uordblks + heap.hblkhd;
}

// "0::/path" in /proc/self/cgroup (cgroups(7)); a limit of a parent counts too.
std::uint64_t cgroup_limit() {
  std::ifstream file("/proc/self/cgroup");
  std::string line;
  auto least = std::uint64_t(-1);
  while (std::getline(file, line)) {
    if (!line.starts_with("0::/")) continue;
    auto path = line.substr(3);
    while (!path.empty()) {
      std::ifstream limit("/sys/fs/cgroup" + path + "/memory.max");
      std::uint64_t bytes = 0;
      if (limit >> bytes) least = std::min(least, bytes);  // "max" is no number
      path.resize(path.find_last_of('/'));
    }
  }
  return least;
}

}  // namespace

std::string_view name_of(MemoryState state) noexcept {
  switch (state) {
    case MemoryState::enough:
      return "enough";
    case MemoryState::high:
      return "high";
    case MemoryState::critical:
      return "critical";
  }
  return "";
}

MemoryState memory_state(std::uint64_t resident, std::uint64_t limit, MemoryState before) noexcept {
  const auto reaches = [&](std::uint64_t percent, MemoryState state) {
    return resident >= limit / 100 * (before >= state ? percent - 5 : percent);
  };
  if (reaches(90, MemoryState::critical)) return MemoryState::critical;
  return reaches(80, MemoryState::high) ? MemoryState::high : MemoryState::enough;
}

MemoryNeeds memory_needs(std::uint64_t resident, std::uint64_t strangers, std::uint64_t limit,
                         MemoryState before) noexcept {
  MemoryNeeds needs;
  needs.state = memory_state(resident - std::min(strangers, resident), limit, before);
  needs.crowded = resident >= limit / 100 * 90;
  if (resident >= limit / 100 * 80) needs.from_strangers = resident - limit / 100 * 75;
  return needs;
}

bool TrimPolicy::is_due(std::uint64_t free) noexcept {
  least_free_ = std::min(least_free_, free);
  if (free < least_free_ + worth_giving_back) return false;
  least_free_ = free;
  return true;
}

std::uint64_t available_memory() {
  const auto pages = static_cast<std::uint64_t>(sysconf(_SC_PHYS_PAGES));
  return std::max<std::uint64_t>(1,
                                 std::min(cgroup_limit(), pages * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE))));
}

MemoryNeeds MemoryWatch::look(std::int64_t configured, std::int64_t now_ms, std::uint64_t strangers,
                              MemoryState before) {
  const std::lock_guard lock(mutex_);
  if (available_ == 0) available_ = available_memory();
  const auto limit = configured > 0 ? static_cast<std::uint64_t>(configured) : available_;
  if (strangers_go_ || now_ms - counted_ms_ >= count_every_ms) {
    counted_ms_ = now_ms;
    if (trim_.is_due(mallinfo2().fordblks) || strangers_go_) malloc_trim(0);
  }
  const auto resident = resident_now();
  resident_.store(resident, std::memory_order_relaxed);
  limit_.store(limit, std::memory_order_relaxed);
  // Who was ended since the last look may not have given all back yet.
  const auto held = std::max(strangers, std::exchange(strangers_before_, strangers));
  const auto needs = memory_needs(resident, held, limit, before);
  strangers_go_ = needs.from_strangers > 0 && strangers > 0;
  return needs;
}

}  // namespace valise
