// What the checks of a loaded configuration find, the kernel's and the modules'.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/load.hpp"

namespace valise::config {

class Findings {
 public:
  explicit Findings(const Snapshot& snapshot) : snapshot_(snapshot) {}

  // The configuration cannot be used. At the line that set the option; `host`: for this one.
  void error(const OptionBase& option, std::string text) { error(snapshot_.line(option), std::move(text)); }
  void error(const OptionBase& option, std::string_view host, std::string text) {
    error(snapshot_.line(option, host), std::move(text));
  }
  void error(unsigned line, std::string text) { errors.push_back({snapshot_.path(), line, std::move(text)}); }
  // It can, but something in it does nothing.
  void warning(const OptionBase& option, std::string text) { warning(snapshot_.line(option), std::move(text)); }
  void warning(const OptionBase& option, std::string_view host, std::string text) {
    warning(snapshot_.line(option, host), std::move(text));
  }
  void warning(unsigned line, std::string text) { warnings.push_back({snapshot_.path(), line, std::move(text)}); }

  std::vector<ConfigError> errors;
  std::vector<ConfigError> warnings;

 private:
  const Snapshot& snapshot_;
};

}  // namespace valise::config
