// `valisectl group …`: members of groups that policies name.
#pragma once

#include <string>

namespace CLI {
class App;
}

namespace valise::ctl {

// `code` is set when the command has run.
void add_group_commands(CLI::App& cli, const std::string& socket, const bool& json, int& code);

}  // namespace valise::ctl
