#include "report.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace valise::bench {

namespace {

std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      out += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
    } else {
      out += c;
    }
  }
  return out + '"';
}

std::string number(double value) { return fmt::format("{:.8g}", value); }

}  // namespace

void Report::set(std::string key, double value) { fields_.emplace_back(std::move(key), value); }
void Report::set(std::string key, std::string value) { fields_.emplace_back(std::move(key), std::move(value)); }

void Report::set_cost(const Interval& interval, double operations, std::string key, double scale) {
  set("operations", operations);
  set("seconds", interval.seconds);
  set("per_second", interval.seconds > 0 ? operations / interval.seconds : 0);
  set(std::move(key), operations > 0 ? interval.server * scale / operations : 0);
  set("server_cores", interval.seconds > 0 ? interval.server / interval.seconds : 0);
  set("generator_cores", interval.generator_cores());
  set("others_cores", interval.seconds > 0 ? interval.others / interval.seconds : 0);
  if (interval.generator_cores() > 0.9) {
    set("warning",
        std::string("the generator used over 90 % of a core: the rate is the generator's, not the server's"));
  }
}

void Report::set_latency(std::vector<Nanos>& latencies) {
  if (latencies.empty()) return;
  std::ranges::sort(latencies);
  const auto at = [&](double share) {
    const auto index = static_cast<std::size_t>(share * static_cast<double>(latencies.size() - 1) + 0.5);
    return static_cast<double>(latencies[index]) / 1e6;
  };
  set("p50_ms", at(0.5));
  set("p99_ms", at(0.99));
  set("p999_ms", at(0.999));
  set("max_ms", at(1.0));
}

std::string Report::text() const {
  std::string out;
  for (const auto& [key, value] : fields_) {
    const auto* figure = std::get_if<double>(&value);
    out += fmt::format("{:28} {}\n", key, figure ? number(*figure) : std::get<std::string>(value));
  }
  return out;
}

std::string Report::json() const {
  std::string out = "{";
  for (const auto& [key, value] : fields_) {
    if (out.size() > 1) out += ", ";
    const auto* figure = std::get_if<double>(&value);
    out += quoted(key) + ": " + (figure ? number(*figure) : quoted(std::get<std::string>(value)));
  }
  return out + "}";
}

}  // namespace valise::bench
