// Points at which torture tests end the process as a power cut would. With VALISE_FAULTS=1 (CMake option
// VALISE_FAULTS) the environment decides; otherwise a point is nothing at all.
//   VALISE_FAULT_AT=name:n      the n-th passing (from 1) of `name` is answered with SIGKILL
//   VALISE_FAULT_COUNT=file     at exit, one line "name count" for each point passed: what a driver can kill at
// Names are "part.step.before|after", string literals.
#pragma once

#ifndef VALISE_FAULTS
#define VALISE_FAULT(name) static_cast<void>(0)
#else
#define VALISE_FAULT(name) ::valise::fault::pass(name)

#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <mutex>
#include <string>
#include <string_view>

#include <unistd.h>

namespace valise::fault {

class Points {
 public:
  // Lives until the process ends: points may be passed by threads that outlive main.
  static Points& all() {
    static Points& points = *new Points;
    return points;
  }

  void pass(std::string_view name) {
    const std::lock_guard lock(mutex_);
    auto found = counts_.find(name);
    if (found == counts_.end()) found = counts_.emplace(name, 0).first;
    if (++found->second == fatal_count_ && name == fatal_name_) ::kill(::getpid(), SIGKILL);
  }

 private:
  Points() {
    if (const char* at = std::getenv("VALISE_FAULT_AT"); at != nullptr) {
      const std::string_view text(at);
      const auto colon = text.rfind(':');
      fatal_name_ = text.substr(0, colon);
      fatal_count_ = colon == text.npos ? 1 : std::strtoull(at + colon + 1, nullptr, 10);
    }
    if (const char* path = std::getenv("VALISE_FAULT_COUNT"); path != nullptr) {
      count_path_ = path;
      std::atexit([] { all().write_counts(); });
    }
  }

  void write_counts() {
    const std::lock_guard lock(mutex_);
    std::FILE* file = std::fopen(count_path_.c_str(), "w");
    if (file == nullptr) return;
    for (const auto& [name, count] : counts_) std::fprintf(file, "%s %ju\n", name.c_str(), std::uintmax_t{count});
    std::fclose(file);
  }

  std::mutex mutex_;
  std::map<std::string, std::uint64_t, std::less<>> counts_;
  std::string fatal_name_;
  std::uint64_t fatal_count_ = 0;
  std::string count_path_;
};

inline void pass(std::string_view name) { Points::all().pass(name); }

}  // namespace valise::fault
#endif
