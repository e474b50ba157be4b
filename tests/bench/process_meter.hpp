// What the server costs: CPU time and memory of its processes, and what the generator and the rest of the machine took
// meanwhile.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "event_loop.hpp"

namespace valise::bench {

struct Sample {
  Nanos wall = 0;
  Nanos server = 0;               // user + system of the server's processes, from their CPU clocks
  Nanos generator = 0;            // of this process
  Nanos machine = 0;              // all busy time (10 ms resolution)
  std::uint64_t allocations = 0;  // of the server; 0 without libcount-allocations.so
};

struct Interval {
  double seconds = 0;
  double server = 0, generator = 0, others = 0;  // CPU seconds
  [[nodiscard]] double generator_cores() const noexcept { return seconds > 0 ? generator / seconds : 0; }
};

[[nodiscard]] Interval between(const Sample& begin, const Sample& end) noexcept;

class ProcessMeter {
 public:
  // The given processes and all their descendants, looked up anew at each sample. Without pids server figures are 0.
  // `allocations`: the file that libcount-allocations.so counts into, or empty.
  explicit ProcessMeter(std::vector<pid_t> pids, std::string allocations = {})
      : roots_(std::move(pids)), allocations_(std::move(allocations)) {}

  [[nodiscard]] Sample sample();
  // Proportional and resident set size, KiB, summed over the processes.
  struct Memory {
    double pss = 0, rss = 0;
  };
  [[nodiscard]] Result<Memory> memory() const;
  [[nodiscard]] bool measures() const noexcept { return !roots_.empty(); }

 private:
  [[nodiscard]] std::vector<pid_t> processes() const;

  std::vector<pid_t> roots_;
  std::string allocations_;
  std::map<pid_t, Nanos> last_;  // CPU of processes that have ended since stays counted
};

}  // namespace valise::bench
