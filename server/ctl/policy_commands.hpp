// `valisectl policy …`: the rules in force, and what can be said of a policy's file without a server.
#pragma once

#include <string>

namespace CLI {
class App;
}

namespace valise::ctl {

// Adds the verb. `socket`, `json`: as the command line says them, read when a command runs; `code` gets the exit code.
void add_policy_commands(CLI::App& cli, const std::string& socket, const bool& json, int& code);

}  // namespace valise::ctl
