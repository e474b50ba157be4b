#include "http/server.hpp"

#include <unistd.h>

#include <atomic>

#include "base/log.hpp"
#include "http/connection.hpp"

namespace valise::http {

bool Settings::allows(std::string_view origin) const {
  if (origin.empty()) return false;
  if (origins.contains("*")) return true;
  const auto parsed = parse_origin(origin);
  return parsed && origins.contains(*parsed);
}

Server::Server(net::Loop& loop, Doorkeeper& door, std::function<SSL*()> new_tls, Ref<const Settings> settings)
    : loop_(loop), door_(door), new_tls_(std::move(new_tls)), settings_(std::move(settings)) {}

Server::~Server() {
  connections_.clear();
  loop_.cancel(*this);
}

Result<> Server::listen(int fd, bool tls) {
  auto listener =
      std::make_unique<net::Listener>(loop_, fd, [this, tls](net::Accepted one) { accepted(std::move(one), tls); });
  auto started = listener->start();
  listeners_.push_back(std::move(listener));
  return started;
}

void Server::accepted(net::Accepted one, bool tls) {
  // Behind a proxy are many: they are counted where each is known, by who serves them.
  const bool proxy = settings_->proxies.contains(one.address);
  if ((!tls && !proxy) || (!proxy && !door_.admit(one.address))) {
    ::close(one.fd);
    return;
  }
  const auto id = next_++;
  auto connection = std::make_unique<ServerConnection>(*this, id, std::move(one), tls, !proxy);
  auto& added = *connection;
  connections_.emplace(id, std::move(connection));
  SSL* ssl = tls ? new_tls_() : nullptr;
  if (tls && ssl == nullptr) return bury(id);
  if (const auto started = added.start(ssl); !started) {
    log::warning("http", "{}", started.error().text);
    bury(id);
  }
}

ServerConnection* Server::find(std::uint64_t id) const {
  const auto found = connections_.find(id);
  return found == connections_.end() ? nullptr : found->second.get();
}

void Server::answer(std::uint64_t connection, Response response, Exchange::Written written) {
  if (auto* one = find(connection)) return one->answer(std::move(response), std::move(written));
  if (written) written(false);
}

void Server::drop(std::uint64_t connection) {
  if (auto* one = find(connection)) one->drop();
}

Upgraded Server::upgrade(std::uint64_t connection) {
  auto* one = find(connection);
  return one == nullptr ? Upgraded{} : one->upgrade();
}

void Server::bury(std::uint64_t connection) {
  graves_.push_back(connection);
  loop_.enqueue(*this);
}

void Server::on_turn_end() {
  for (const auto id : std::exchange(graves_, {})) connections_.erase(id);
}

void Server::shut_down() {
  listeners_.clear();
  stopping_ = true;
  std::vector<std::uint64_t> ids;
  for (const auto& [id, connection] : connections_) ids.push_back(id);
  for (const auto id : ids) {
    if (auto* one = find(id)) one->shut_down();
  }
}

}  // namespace valise::http
