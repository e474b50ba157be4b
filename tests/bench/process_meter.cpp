#include "process_meter.hpp"

#include <fmt/format.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

namespace valise::bench {

namespace {

Nanos clock_ns(clockid_t clock) noexcept {
  timespec value{};
  return clock_gettime(clock, &value) == 0 ? value.tv_sec * second_ns + value.tv_nsec : 0;
}

// Parent of a process (proc(5), /proc/pid/stat field 4, behind the name in parentheses); 0 when it is gone.
pid_t parent_of(pid_t pid) {
  std::ifstream file(fmt::format("/proc/{}/stat", pid));
  std::string line;
  std::getline(file, line);
  const auto name_end = line.rfind(')');
  if (name_end == std::string::npos) return 0;
  std::istringstream rest(line.substr(name_end + 1));
  std::string state;
  pid_t parent = 0;
  rest >> state >> parent;
  return parent;
}

Nanos busy_ns() {
  std::ifstream file("/proc/stat");
  std::string cpu;
  Nanos user = 0, nice = 0, system = 0, idle = 0, iowait = 0, irq = 0, softirq = 0;
  file >> cpu >> user >> nice >> system >> idle >> iowait >> irq >> softirq;
  return (user + nice + system + irq + softirq) * (second_ns / sysconf(_SC_CLK_TCK));
}

}  // namespace

Interval between(const Sample& begin, const Sample& end) noexcept {
  const auto seconds = [](Nanos span) { return static_cast<double>(span) / static_cast<double>(second_ns); };
  Interval interval{.seconds = seconds(end.wall - begin.wall),
                    .server = seconds(end.server - begin.server),
                    .generator = seconds(end.generator - begin.generator)};
  interval.others = std::max(0.0, seconds(end.machine - begin.machine) - interval.server - interval.generator);
  return interval;
}

std::vector<pid_t> ProcessMeter::processes() const {
  std::map<pid_t, pid_t> parents;
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    const auto name = entry.path().filename().string();
    if (!std::ranges::all_of(name, [](unsigned char c) { return std::isdigit(c) != 0; })) continue;
    const auto pid = static_cast<pid_t>(std::stol(name));
    parents[pid] = parent_of(pid);
  }
  std::vector<pid_t> found = roots_;
  for (std::size_t i = 0; i < found.size(); ++i) {
    for (const auto& [pid, parent] : parents) {
      if (parent == found[i] && std::ranges::find(found, pid) == found.end()) found.push_back(pid);
    }
  }
  return found;
}

Sample ProcessMeter::sample() {
  Sample sample{.wall = now_ns(), .generator = clock_ns(CLOCK_PROCESS_CPUTIME_ID), .machine = busy_ns()};
  if (measures()) {
    for (const pid_t pid : processes()) {
      clockid_t clock{};
      if (clock_getcpuclockid(pid, &clock) == 0) last_[pid] = std::max(last_[pid], clock_ns(clock));
    }
  }
  for (const auto& [pid, cpu] : last_) sample.server += cpu;
  if (!allocations_.empty()) {
    std::ifstream file(allocations_, std::ios::binary);
    file.read(reinterpret_cast<char*>(&sample.allocations), sizeof sample.allocations);
  }
  return sample;
}

Result<ProcessMeter::Memory> ProcessMeter::memory() const {
  Memory sum;
  for (const pid_t pid : processes()) {
    std::ifstream file(fmt::format("/proc/{}/smaps_rollup", pid));
    std::string line;
    bool found = false;
    while (std::getline(file, line)) {
      std::istringstream words(line);
      std::string key;
      double kib = 0;
      words >> key >> kib;
      if (key == "Pss:") sum.pss += kib, found = true;
      if (key == "Rss:") sum.rss += kib;
    }
    if (!found) return fail(ErrorCode::denied, fmt::format("cannot read /proc/{}/smaps_rollup", pid));
  }
  return sum;
}

}  // namespace valise::bench
