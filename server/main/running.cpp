#include "main/running.hpp"

#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <string_view>

#include <nlohmann/json.hpp>

namespace valise {
namespace {

constexpr std::size_t longest_answer = 65'536;
constexpr timeval patience{.tv_sec = 5, .tv_usec = 0};

class Socket {
 public:
  Socket() : fd_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {}
  ~Socket() {
    if (fd_ >= 0) ::close(fd_);
  }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;

  [[nodiscard]] bool connect(const std::string& path) const {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.empty() || path.size() >= sizeof address.sun_path) return false;
    std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    ::setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    return ::connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  }
  // The line that answers this one; "": none.
  [[nodiscard]] std::string ask(std::string_view line) const {
    if (::send(fd_, line.data(), line.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(line.size())) return {};
    std::string answer;
    while (answer.size() < longest_answer && !answer.ends_with('\n')) {
      char chunk[4096];
      const auto got = ::recv(fd_, chunk, sizeof chunk, 0);
      if (got <= 0) return {};
      answer.append(chunk, static_cast<std::size_t>(got));
    }
    return answer;
  }

 private:
  int fd_;
};

}  // namespace

std::vector<std::string> addresses_of_running_server(const std::string& control_socket) {
  const Socket socket;
  if (!socket.connect(control_socket)) return {};
  const auto answer = nlohmann::json::parse(socket.ask("{\"command\":\"listeners\"}\n"), nullptr, false);
  const auto result = answer.is_object() ? answer.find("result") : answer.end();
  if (result == answer.end() || !result->is_array()) return {};
  std::vector<std::string> addresses;
  for (const auto& one : *result) {
    if (one.is_string()) addresses.push_back(one.get<std::string>());
  }
  return addresses;
}

}  // namespace valise
