#include "failure.hpp"

#include <nlohmann/json.hpp>

#include <cstdio>
#include <sstream>

namespace valise::ctl {

int report(const Failure& failure, bool json) {
  if (json) {
    const nlohmann::json out{{"error", {{"code", failure.code}, {"text", failure.text}}}};
    std::printf("%s\n", out.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace).c_str());
  } else {
    std::istringstream lines(failure.text);  // of a configuration: one an error
    for (std::string line; std::getline(lines, line);) std::fprintf(stderr, "valisectl: %s\n", line.c_str());
  }
  return failure.exit;
}

}  // namespace valise::ctl
