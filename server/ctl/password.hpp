#pragma once

#include <string>

#include "base/error.hpp"

namespace valise::ctl {

// From a terminal: asked twice on /dev/tty without echo; Ctrl-C leaves the terminal as it was. Otherwise the first line
// of standard input. Never from arguments, which every user of the machine can read.
[[nodiscard]] Result<std::string> read_password(const std::string& account);

}  // namespace valise::ctl
