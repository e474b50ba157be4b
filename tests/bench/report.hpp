// The figures of one scenario: lines for people, one JSON object for the comparison.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "process_meter.hpp"

namespace valise::bench {

class Report {
 public:
  void set(std::string key, double value);
  void set(std::string key, std::string value);
  // Seconds, cores of server, generator and others; CPU per operation under `key` in the unit that `scale` makes of
  // seconds (1e3: ms, 1e6: µs).
  void set_cost(const Interval& interval, double operations, std::string key, double scale);
  // p50, p99, p99.9, max of latencies in ns, reported in ms. Sorts its argument.
  void set_latency(std::vector<Nanos>& latencies);

  [[nodiscard]] std::string text() const;
  [[nodiscard]] std::string json() const;

 private:
  std::vector<std::pair<std::string, std::variant<double, std::string>>> fields_;
};

}  // namespace valise::bench
