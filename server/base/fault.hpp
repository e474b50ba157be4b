// Points at which torture tests end the process as a power cut would, or let a step fail. With VALISE_FAULTS=1 (CMake
// option VALISE_FAULTS) the environment decides; otherwise a point is nothing at all.
//   VALISE_FAULT_AT=name:n        the n-th passing (from 1) of `name` is answered with SIGKILL
//   VALISE_FAULT_FAIL=name:n:k    the n-th and the next k-1 passings of a VALISE_FAILS point say that the step fails
//   VALISE_FAULT_COUNT=file       at exit, one line "name count" for each point passed: what a driver can choose from
// Names are string literals: "part.step.before|after" of VALISE_FAULT; of VALISE_FAILS "part.step.fails" (it was not
// done), "part.step.lies" (it was done and is reported as failed), "part.step.refuses" (it never can be done).
// tests/torture finds the names in the sources, and fails if a run has not passed one of them.
#pragma once

#ifndef VALISE_FAULTS
#define VALISE_FAULT(name) static_cast<void>(0)
#define VALISE_FAILS(name) false
#else
#define VALISE_FAULT(name) ::valise::fault::pass(name)
#define VALISE_FAILS(name) ::valise::fault::fails(name)

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
    if (count(name) == fatal_.first && name == fatal_.name) ::kill(::getpid(), SIGKILL);
  }
  bool fails(std::string_view name) {
    const std::lock_guard lock(mutex_);
    const auto passings = count(name);
    return name == failing_.name && passings >= failing_.first && passings - failing_.first < failing_.times;
  }

 private:
  Points() {
    fatal_ = wish("VALISE_FAULT_AT");
    failing_ = wish("VALISE_FAULT_FAIL");
    if (const char* path = std::getenv("VALISE_FAULT_COUNT"); path != nullptr) {
      count_path_ = path;
      std::atexit([] { all().write_counts(); });
    }
  }

  struct Wish {
    std::string name;
    std::uint64_t first = 1;
    std::uint64_t times = 1;
  };
  static Wish wish(const char* variable) {
    Wish wish;
    const char* text = std::getenv(variable);
    if (text == nullptr) return wish;
    wish.name = text;
    const auto colon = wish.name.find(':');
    if (colon == wish.name.npos) return wish;
    char* end = nullptr;
    wish.first = std::strtoull(text + colon + 1, &end, 10);
    if (*end == ':') wish.times = std::strtoull(end + 1, nullptr, 10);
    wish.name.resize(colon);
    return wish;
  }

  std::uint64_t count(std::string_view name) {
    auto found = counts_.find(name);
    if (found == counts_.end()) found = counts_.emplace(name, 0).first;
    return ++found->second;
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
  Wish fatal_, failing_;
  std::string count_path_;
};

inline void pass(std::string_view name) { Points::all().pass(name); }
inline bool fails(std::string_view name) { return Points::all().fails(name); }

}  // namespace valise::fault
#endif
