// The HTTP connections of one shard: they are accepted, read, answered and closed on its loop, like client streams.
// What a path means is the Router's.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "base/ref.hpp"
#include "http/address.hpp"
#include "http/exchange.hpp"
#include "http/router.hpp"
#include "net/listener.hpp"
#include "net/loop.hpp"

namespace valise::http {

// One immutable snapshot; a reload brings a new one.
struct Settings : RefCounted<Settings> {
  Networks proxies;  // whose word about the client counts
  ProxyField proxy_field = ProxyField::x_forwarded_for;
  std::unordered_set<std::string> origins;  // of pages that may use what is Cors::allowed, in their one form
  std::int64_t tls_timeout_ms = 10'000;
  std::int64_t request_timeout_ms = 30'000;  // from its first byte to its last
  std::int64_t idle_timeout_ms = 60'000;     // between two requests
  std::size_t queue_bytes = 1'048'576;       // answers that a client does not read

  [[nodiscard]] bool allows(std::string_view origin) const;
};

// Who may connect: counts connections by address. Any thread.
class Doorkeeper {
 public:
  [[nodiscard]] virtual bool admit(const std::string& address) = 0;
  virtual void left(const std::string& address) = 0;

 protected:
  ~Doorkeeper() = default;
};

class ServerConnection;

class Server final : private net::TurnEnd {
 public:
  // `new_tls`: a session in accept state that speaks http/1.1 (ALPN); the connection owns it.
  Server(net::Loop& loop, Doorkeeper& door, std::function<SSL*()> new_tls, Ref<const Settings> settings);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // Before listen().
  [[nodiscard]] Router& router() noexcept { return router_; }
  // Takes the socket. Without TLS only declared proxies are heard.
  [[nodiscard]] Result<> listen(int fd, bool tls);
  // No new connections; idle ones end, the others with their answer.
  void shut_down();
  void configure(Ref<const Settings> settings) { settings_ = std::move(settings); }
  [[nodiscard]] const Settings& settings() const noexcept { return *settings_; }
  [[nodiscard]] std::size_t count() const noexcept { return connections_.size(); }

 private:
  friend class Exchange;
  friend class ServerConnection;
  void on_turn_end() override;
  void accepted(net::Accepted accepted, bool tls);
  [[nodiscard]] ServerConnection* find(std::uint64_t id) const;
  // For Exchange.
  void answer(std::uint64_t connection, Response response, Exchange::Written written);
  void drop(std::uint64_t connection);
  [[nodiscard]] Upgraded upgrade(std::uint64_t connection);
  void bury(std::uint64_t connection);

  net::Loop& loop_;
  Doorkeeper& door_;
  std::function<SSL*()> new_tls_;
  Ref<const Settings> settings_;
  Router router_;
  std::vector<std::unique_ptr<net::Listener>> listeners_;
  std::unordered_map<std::uint64_t, std::unique_ptr<ServerConnection>> connections_;
  std::vector<std::uint64_t> graves_;
  std::uint64_t next_ = 1;
  bool stopping_ = false;
};

}  // namespace valise::http
