#include "client.hpp"

#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/crypto.hpp"

namespace valise::ctl {
namespace {

using Json = nlohmann::json;

std::unexpected<Failure> no_server(std::string text) {
  return std::unexpected(Failure{could_not, "unavailable", std::move(text)});
}

}  // namespace

Client::~Client() {
  if (fd_ >= 0) ::close(fd_);
}

std::expected<void, Failure> Client::connect(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) return no_server("the socket's path is too long");
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  fd_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const timeval patience{.tv_sec = limits_.patience.count(), .tv_usec = 0};  // 0: for ever
  ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  ::setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  if (fd_ < 0 || ::connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return no_server("cannot reach the server at " + path + ": " + std::strerror(errno) +
                     " (is valised running? --socket names its listen.control)");
  }
  return {};
}

std::expected<Json, Failure> Client::ask(Json request) {
  auto line = request.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
  if (const auto password = request.find("password"); password != request.end()) {
    crypto::wipe(password->get_ref<std::string&>());
  }
  // A server that refuses may close before it has read all: its answer is there nevertheless.
  for (std::string_view left(line); !left.empty();) {
    const auto sent = ::send(fd_, left.data(), left.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent <= 0) break;
    left.remove_prefix(static_cast<std::size_t>(sent));
  }
  crypto::wipe(line);
  auto end = buffer_.find('\n');
  while (end == std::string::npos) {
    if (limits_.longest_answer != 0 && buffer_.size() >= limits_.longest_answer) {
      return no_server("the server's answer is too long");
    }
    char chunk[8192];
    const auto got = ::recv(fd_, chunk, sizeof chunk, 0);
    if (got < 0 && errno == EINTR) continue;  // whoever catches signals wants the answer all the same
    if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return no_server("the server does not answer");
    if (got <= 0) return no_server("the server closed the connection");
    buffer_.append(chunk, static_cast<std::size_t>(got));
    end = buffer_.find('\n');
  }
  const auto answer = Json::parse(buffer_.substr(0, end), nullptr, false);
  buffer_.erase(0, end + 1);
  if (answer.is_object() && answer.value("ok", false)) return answer.value("result", Json());
  const auto error = answer.is_object() ? answer.value("error", Json()) : Json();
  if (!error.is_object()) return no_server("the server's answer is not understood");
  const auto code = error.value("code", "internal");
  return std::unexpected(Failure{code == "pending" ? pending : refused, code, error.value("text", "refused")});
}

}  // namespace valise::ctl
