// `valisectl omemo selftest`: does OMEMO work for the users of a host? Two throw-away accounts do what clients do.
#pragma once

#include <string>

namespace CLI {
class App;
}

namespace valise::ctl::selftest {

struct Wish {
  std::string control;  // the server's listen.control
  std::string host;     // empty: the only one
  std::string ca;       // PEM file with further authorities; empty: those of the system alone
  bool json = false;
};

// Returns the exit code (ctl/failure.hpp): 0 it works, 1 it does not, 2 it could not begin.
int run(const Wish& wish);

// Adds `omemo` to valisectl's commands. `control`, `json`: its options, read when the command runs.
void add_command(CLI::App& cli, const std::string& control, const bool& json, int& exit);

}  // namespace valise::ctl::selftest
