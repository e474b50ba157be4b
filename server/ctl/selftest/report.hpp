// What an administrator sees: a line a step as soon as it has ended, and a sentence. With --json one object at the end.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "selftest/outcome.hpp"
#include "selftest/patience.hpp"

namespace valise::ctl::selftest {

class Report {
 public:
  explicit Report(bool json) : json_(json) {}

  // How a step may end well: "" or what is to be said besides.
  using Work = std::function<Outcome<std::string>(const Patience&)>;
  static constexpr std::chrono::seconds step_time{5};

  // Runs `work`, unless an earlier step failed, and says how it ended.
  void step(const std::string& what, const Work& work);
  // The same whatever happened before.
  void last_step(const std::string& what, const Work& work);
  [[nodiscard]] bool failed() const noexcept { return failure_.has_value(); }

  // The sentence; what is known of the host. Returns the exit code.
  int finish(const std::string& host, const std::string& address, const std::string& mode);

 private:
  struct Step {
    std::string what;
    bool ok = false;
    std::int64_t ms = 0;
    std::string note;
    std::string remedy;
  };
  struct Failed {
    std::string step;
    Trouble trouble;
  };
  void run(const std::string& what, const Work& work);
  void print(const Step& step) const;
  [[nodiscard]] std::string sentence(const std::string& host, const std::string& mode) const;
  [[nodiscard]] std::int64_t total_ms() const;

  const bool json_;
  std::vector<Step> steps_;
  std::optional<Failed> failure_;  // the first
};

}  // namespace valise::ctl::selftest
