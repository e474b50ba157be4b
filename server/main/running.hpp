#pragma once

#include <string>
#include <vector>

namespace valise {

// What the server that answers on this control socket listens on, as its configuration writes it; nothing if none
// answers within seconds, or not to this user.
[[nodiscard]] std::vector<std::string> addresses_of_running_server(const std::string& control_socket);

}  // namespace valise
