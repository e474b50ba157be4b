// The administrator's side of the control socket (server/main/control.hpp).
#pragma once

#include <nlohmann/json.hpp>

#include <string>

#include "base/error.hpp"
#include "failure.hpp"

namespace valise::ctl {

class Client {
 public:
  ~Client();
  Client() = default;
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;
  [[nodiscard]] std::expected<void, Failure> connect(const std::string& path);
  // Sends one request, wipes the password in it, and waits for the answer. Errors: could_not when the server is not
  // reached, otherwise what it says.
  [[nodiscard]] std::expected<nlohmann::json, Failure> ask(nlohmann::json request);

 private:
  int fd_ = -1;
  std::string buffer_;
};

}  // namespace valise::ctl
