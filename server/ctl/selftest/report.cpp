#include "selftest/report.hpp"

#include <cstdio>

#include <nlohmann/json.hpp>

#include "base/clock.hpp"
#include "ctl/failure.hpp"

namespace valise::ctl::selftest {

void Report::step(const std::string& what, const Work& work) {
  if (failed()) return;
  run(what, [&](const Patience& patience) -> Outcome<std::string> {
    if (auto lasts = patience.lasts(); !lasts) return std::unexpected(std::move(lasts.error()));  // a signal came
    return work(patience);
  });
}

void Report::last_step(const std::string& what, const Work& work) { run(what, work); }

void Report::run(const std::string& what, const Work& work) {
  const auto began = steady_ms();
  const Patience patience(step_time);
  auto outcome = work(patience);
  auto& step = steps_.emplace_back(Step{what, outcome.has_value(), steady_ms() - began, outcome.value_or("")});
  if (!outcome) {
    if (outcome.error().remedy.empty()) outcome.error().remedy = "look at the server's log (journalctl -u valised)";
    step.note = outcome.error().condition + ": " + outcome.error().text;
    step.remedy = outcome.error().remedy;
    if (!failed()) failure_ = Failed{what, std::move(outcome.error())};
  }
  if (!json_) print(step);
}

void Report::print(const Step& step) const {
  std::printf("%-4s  %s  %lld ms\n", step.ok ? "ok" : "FAIL", step.what.c_str(), static_cast<long long>(step.ms));
  if (!step.note.empty()) std::printf("      %s\n", step.note.c_str());
  if (!step.remedy.empty()) std::printf("      what to do: %s\n", step.remedy.c_str());
  std::fflush(stdout);
}

std::int64_t Report::total_ms() const {
  std::int64_t sum = 0;
  for (const auto& step : steps_) sum += step.ms;
  return sum;
}

std::string Report::sentence(const std::string& host, const std::string& mode) const {
  if (failed()) return "OMEMO is not known to work for the users of " + host + ": \"" + failure_->step + "\" failed.";
  char seconds[32];
  std::snprintf(seconds, sizeof seconds, "%.1f s", static_cast<double>(total_ms()) / 1000);
  std::string out =
      "OMEMO works for the users of " + host + ": sealed messages went both ways, in both versions (" + seconds + ").";
  if (mode == "off") out += " But content need not be sealed there: sealed.mode is \"off\".";
  if (mode == "warn") out += " But what is not sealed is delivered there as yet, with a warning (valisectl status).";
  return out;
}

int Report::finish(const std::string& host, const std::string& address, const std::string& mode) {
  const auto closing = sentence(host, mode);
  const int exit = failed() ? refused : done;
  if (!json_) {
    std::printf("%s\n", closing.c_str());
    return exit;
  }
  nlohmann::json out{{"host", host},       {"address", address}, {"sealed", mode},
                     {"ok", !failed()},    {"ms", total_ms()},   {"steps", nlohmann::json::array()},
                     {"sentence", closing}};
  for (const auto& step : steps_) {
    nlohmann::json row{{"step", step.what}, {"ok", step.ok}, {"ms", step.ms}};
    if (!step.note.empty()) row["note"] = step.note;
    out["steps"].push_back(std::move(row));
  }
  if (failed()) {
    const auto& [step, trouble] = *failure_;
    out["error"] = {{"code", trouble.condition}, {"text", trouble.text}, {"step", step}, {"remedy", trouble.remedy}};
  }
  std::printf("%s\n", out.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace).c_str());
  return exit;
}

}  // namespace valise::ctl::selftest
