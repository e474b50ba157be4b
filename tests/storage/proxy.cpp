#include "proxy.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdio>
#include <stdexcept>
#include <string_view>

namespace valise::storage::testing {
namespace {

constexpr int turn_ms = 50;  // how soon the end of the proxy is noticed

sockaddr_un address_of(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::snprintf(address.sun_path, sizeof address.sun_path, "%s", path.c_str());
  return address;
}

bool send_all(int socket, std::string_view data) {
  while (!data.empty()) {
    const auto sent = ::send(socket, data.data(), data.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    data.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

}  // namespace

Proxy::Proxy(std::string listen_at, std::string server) : path_(std::move(listen_at)), server_(std::move(server)) {
  listener_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const auto address = address_of(path_);
  if (::bind(listener_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      ::listen(listener_, 8) != 0) {
    throw std::runtime_error("the proxy cannot listen");
  }
  acceptor_ = std::thread([this] { accept_all(); });
}

Proxy::~Proxy() {
  stop_ = true;
  acceptor_.join();
  for (auto& relay : relays_) relay.join();
  ::close(listener_);
}

void Proxy::accept_all() {
  while (!stop_) {
    pollfd ready{listener_, POLLIN, 0};
    if (::poll(&ready, 1, turn_ms) <= 0) continue;
    const int client = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (client < 0) continue;
    ++connections_;
    relays_.emplace_back([this, client] { relay(client); });
  }
}

void Proxy::relay(int client) {
  const int server = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const auto address = address_of(server_);
  bool open = ::connect(server, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  char buffer[65536];
  bool drop_next_answer = false;
  while (open && !stop_) {
    pollfd ready[2] = {{client, POLLIN, 0}, {server, POLLIN, 0}};
    if (::poll(ready, 2, turn_ms) <= 0) continue;
    for (const auto& [from, to] : {std::pair(client, server), std::pair(server, client)}) {
      if (ready[from == client ? 0 : 1].revents == 0) continue;
      const auto size = ::recv(from, buffer, sizeof buffer, 0);
      if (size <= 0) {
        open = false;
        break;
      }
      const std::string_view data(buffer, static_cast<std::size_t>(size));
      if (from == client && loss_ != Loss::nothing && data.ends_with("COMMIT")) {
        ++lost_;
        drop_next_answer = loss_ == Loss::answer;
        loss_ = Loss::nothing;
        if (!drop_next_answer) {
          open = false;
          break;
        }
      } else if (from == server && drop_next_answer) {
        open = false;  // it has come: the transaction is committed, and the client will not hear of it
        break;
      }
      if (!send_all(to, data)) open = false;
    }
  }
  ::close(server);
  ::close(client);
}

}  // namespace valise::storage::testing
