#include "main/memory_watch.hpp"

#include <malloc.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <optional>
#include <string>
#include <utility>

namespace valise {
namespace {

using core::MemoryState;

constexpr std::uint64_t MiB = 1024 * 1024;
constexpr std::uint64_t worth_at_once = 8 * MiB;
constexpr std::uint64_t worth_after_rest = 2 * MiB;
constexpr std::int64_t rest_ms = 60'000;        // without giving back
constexpr std::int64_t count_every_ms = 5'000;  // malloc's free lists are walked so often

// proc(5), statm: the second number, in pages. Nothing in a chroot without /proc.
std::optional<std::uint64_t> resident_now() {
  std::ifstream file("/proc/self/statm");
  std::uint64_t size = 0, resident = 0;
  if (!(file >> size >> resident)) return std::nullopt;
  return resident * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
}

std::uint64_t used(const struct mallinfo2& heap) { return heap.uordblks + heap.hblkhd; }

// What is in memory and malloc has given to nobody, the program itself too. malloc's own count of what is free does not
// tell what of it went back to the system already.
std::uint64_t idle_now() {
  const auto heap = mallinfo2();
  const auto resident = resident_now();
  return resident ? *resident - std::min(*resident, used(heap)) : heap.fordblks;
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

bool TrimPolicy::is_due(std::uint64_t idle, std::int64_t now_ms) noexcept {
  least_ = std::min(least_, idle);
  return idle - least_ >= (now_ms - given_back_ms_ >= rest_ms ? worth_after_rest : worth_at_once);
}

void TrimPolicy::gave_back(std::uint64_t idle, std::int64_t now_ms) noexcept {
  least_ = idle;
  given_back_ms_ = now_ms;
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
    if (trim_.is_due(idle_now(), now_ms) || strangers_go_) {
      malloc_trim(0);
      trim_.gave_back(idle_now(), now_ms);
    }
  }
  const auto counted = resident_now();
  const auto resident = counted ? *counted : used(mallinfo2());
  resident_.store(resident, std::memory_order_relaxed);
  limit_.store(limit, std::memory_order_relaxed);
  // Who was ended since the last look may not have given all back yet.
  const auto held = std::max(strangers, std::exchange(strangers_before_, strangers));
  const auto needs = memory_needs(resident, held, limit, before);
  strangers_go_ = needs.from_strangers > 0 && strangers > 0;
  return needs;
}

}  // namespace valise
