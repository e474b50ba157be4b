#include "main/running.hpp"

#include "ctl/client.hpp"

namespace valise {

std::vector<std::string> addresses_of_running_server(const std::string& control_socket) {
  ctl::Client client({.patience = std::chrono::seconds(5), .longest_answer = 65'536});
  if (control_socket.empty() || !client.connect(control_socket)) return {};
  const auto listeners = client.ask({{"command", "listeners"}});
  if (!listeners || !listeners->is_array()) return {};
  std::vector<std::string> addresses;
  for (const auto& one : *listeners) {
    if (one.is_string()) addresses.push_back(one.get<std::string>());
  }
  return addresses;
}

}  // namespace valise
