// The administrator's side of the control socket (server/main/control.hpp).
#pragma once

#include <nlohmann/json.hpp>

#include <chrono>
#include <string>

#include "base/error.hpp"
#include "failure.hpp"

namespace valise::ctl {

// How long it waits for more of an answer, and how much it takes of one (bytes); 0: as long, as much as it needs.
struct ClientLimits {
  std::chrono::seconds patience{0};
  std::size_t longest_answer = 0;
};

class Client {
 public:
  explicit Client(ClientLimits limits = {}) : limits_(limits) {}
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;
  [[nodiscard]] std::expected<void, Failure> connect(const std::string& path);
  // Sends one request, wipes the password in it, and waits for the answer. Errors: could_not when the server is not
  // reached, otherwise what it says.
  [[nodiscard]] std::expected<nlohmann::json, Failure> ask(nlohmann::json request);

 private:
  const ClientLimits limits_;
  int fd_ = -1;
  std::string buffer_;
};

}  // namespace valise::ctl
