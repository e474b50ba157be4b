// The administrator's side of the control socket (server/main/control.hpp).
#pragma once

#include <nlohmann/json.hpp>

#include <string>

#include "base/error.hpp"

namespace valise::ctl {

class Client {
 public:
  ~Client();
  Client() = default;
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;
  [[nodiscard]] Result<> connect(const std::string& path);
  // Sends one request and waits for its answer. Errors: the connection's, or what the server says.
  [[nodiscard]] Result<nlohmann::json> ask(const nlohmann::json& request);

 private:
  int fd_ = -1;
  std::string buffer_;
};

}  // namespace valise::ctl
