// What valisectl answers when it cannot do what was asked, and the exit codes that scripts rely on (docs/admin.en.md).
#pragma once

#include <string>

namespace valise::ctl {

enum ExitCode : int {
  done = 0,
  refused = 1,    // the server says no; the log is not sound
  could_not = 2,  // wrong usage, no server, a file that cannot be read or written
  pending = 3,    // accepted, but not durable yet
};

struct Failure {
  ExitCode exit = could_not;
  std::string code = "unavailable";  // for scripts: ErrorCode's names
  std::string text;
};

// Says it: on standard error, each line behind the program's name, or {"error":{…}} on standard output with --json.
// Returns the exit code.
int report(const Failure& failure, bool json);

}  // namespace valise::ctl
