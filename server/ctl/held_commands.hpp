// `valisectl held …`: messages that a rule holds back (Delay).
#pragma once

#include <string>

namespace CLI {
class App;
}

namespace valise::ctl {

// `code` is set when the command has run.
void add_held_commands(CLI::App& cli, const std::string& socket, const bool& json, int& code);

}  // namespace valise::ctl
