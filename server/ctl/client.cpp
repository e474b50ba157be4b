#include "client.hpp"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace valise::ctl {

Client::~Client() {
  if (fd_ >= 0) ::close(fd_);
}

Result<> Client::connect(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) return fail(ErrorCode::invalid, "the socket's path is too long");
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  fd_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd_ < 0 || ::connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return fail(ErrorCode::unavailable, "cannot reach the server at " + path + ": " + std::strerror(errno) +
                                            " (is valised running? --socket names its listen.control)");
  }
  return {};
}

Result<nlohmann::json> Client::ask(const nlohmann::json& request) {
  auto line = request.dump() + "\n";
  std::string_view left(line);
  while (!left.empty()) {
    const auto sent = ::send(fd_, left.data(), left.size(), MSG_NOSIGNAL);
    if (sent <= 0) return fail(ErrorCode::unavailable, "the server closed the connection");
    left.remove_prefix(static_cast<std::size_t>(sent));
  }
  std::fill(line.begin(), line.end(), '\0');
  auto end = buffer_.find('\n');
  while (end == std::string::npos) {
    char chunk[8192];
    const auto got = ::recv(fd_, chunk, sizeof chunk, 0);
    if (got <= 0) return fail(ErrorCode::unavailable, "the server closed the connection (only root and its own user are heard)");
    buffer_.append(chunk, static_cast<std::size_t>(got));
    end = buffer_.find('\n');
  }
  const auto answer = nlohmann::json::parse(buffer_.substr(0, end), nullptr, false);
  buffer_.erase(0, end + 1);
  if (!answer.is_object()) return fail(ErrorCode::corrupt, "the server's answer is not understood");
  if (!answer.value("ok", false)) return fail(ErrorCode::denied, answer.value("error", "refused"));
  return answer.at("result");
}

}  // namespace valise::ctl
