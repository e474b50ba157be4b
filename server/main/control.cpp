#include "main/control.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/crypto.hpp"
#include "base/log.hpp"
#include "main/app.hpp"

namespace valise {
namespace {
constexpr std::size_t max_line = 65'536;
constexpr int patience_ms = 10'000;

bool is_trusted(int client) {
  ucred peer{};
  socklen_t length = sizeof peer;
  if (getsockopt(client, SOL_SOCKET, SO_PEERCRED, &peer, &length) != 0) return false;
  return peer.uid == 0 || peer.uid == geteuid();
}

bool send_all(int client, std::string_view bytes) {
  while (!bytes.empty()) {
    const auto sent = ::send(client, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}
}  // namespace

Result<> Control::start(const std::string& path) {
  if (path.empty()) return {};
  path_ = path;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) return fail(ErrorCode::invalid, "listen.control: the path is too long");
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  listener_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  // A socket that somebody answers on belongs to a running server; any other is left over.
  if (::connect(listener_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) {
    return fail(ErrorCode::conflict, path + ": another server is running");
  }
  ::close(listener_);
  listener_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  ::unlink(path.c_str());
  const auto old_mask = umask(0177);
  const bool bound = ::bind(listener_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  umask(old_mask);
  if (!bound || ::listen(listener_, 16) != 0 || ::pipe2(wake_, O_CLOEXEC) != 0) {
    return fail(ErrorCode::unavailable, "listen.control: " + path + ": " + std::strerror(errno));
  }
  thread_ = std::thread([this] { run(); });
  return {};
}

void Control::stop() {
  if (!thread_.joinable()) return;
  stopping_.request_stop();
  (void)!::write(wake_[1], "x", 1);
  thread_.join();
  ::close(listener_);
  ::close(wake_[0]);
  ::close(wake_[1]);
  ::unlink(path_.c_str());
}

void Control::run() {
  while (!stopping_.stop_requested()) {
    pollfd waiting[2] = {{listener_, POLLIN, 0}, {wake_[0], POLLIN, 0}};
    if (::poll(waiting, 2, -1) < 0 || (waiting[0].revents & POLLIN) == 0) continue;
    const int client = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (client >= 0) admit(client);
  }
  join_clients(true);
}

void Control::admit(int socket) {
  const timeval patience{patience_ms / 1000, 0};
  setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  join_clients(false);
  const auto refuse = [socket](ErrorCode code, const char* why) {
    send_all(socket, control_error({code, why}) + "\n");
    ::close(socket);
  };
  if (!is_trusted(socket)) return refuse(ErrorCode::denied, "only root and the server's own user are heard");
  if (clients_.size() >= max_clients) return refuse(ErrorCode::limit, "too many administrators at once; try again");
  auto& client = clients_.emplace_back();
  client.thread = std::thread([this, socket, &client] {
    serve(socket);
    ::close(socket);
    client.done = true;
  });
}

void Control::join_clients(bool all) {
  std::erase_if(clients_, [all](Client& client) {
    if (!all && !client.done) return false;
    client.thread.join();
    return true;
  });
}

void Control::serve(int socket) {
  const auto stop = stopping_.get_token();
  std::string buffer;
  char chunk[4096];
  while (!stop.stop_requested()) {
    pollfd waiting[2] = {{socket, POLLIN, 0}, {wake_[0], POLLIN, 0}};
    if (::poll(waiting, 2, patience_ms) <= 0 || (waiting[0].revents & (POLLIN | POLLHUP)) == 0) break;
    const auto got = ::recv(socket, chunk, sizeof chunk, 0);
    if (got <= 0) break;
    buffer.append(chunk, static_cast<std::size_t>(got));
    bool heard = true;
    for (auto end = buffer.find('\n'); heard && end != std::string::npos; end = buffer.find('\n')) {
      auto line = buffer.substr(0, end);
      buffer.erase(0, end + 1);
      heard = send_all(socket, answer_control(app_, line, stop) + "\n");
      crypto::wipe(line);  // it may hold a password
    }
    if (!heard) break;
    if (buffer.size() > max_line) {
      send_all(socket, control_error({ErrorCode::limit, "a request has at most 65536 bytes"}) + "\n");
      break;
    }
  }
  crypto::wipe(buffer);
  explicit_bzero(chunk, sizeof chunk);
}

}  // namespace valise
