// A listening socket of one shard. All shards listen on the same address with SO_REUSEPORT; the kernel spreads
// connections. The sockets are bound before privileges are dropped, and listen when all else is ready.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "net/loop.hpp"

namespace valise::net {

struct Accepted {
  int fd = -1;
  std::string address;  // numeric, without zone and brackets
  std::uint16_t port = 0;
};

// Binds `count` sockets to "192.0.2.1:5222", "[::1]:5222" or "*:5222" (all IPv4), all to the same port, which is any
// free one for 0. Nobody can connect before Listener::start. Errors name the address; a socket of another process on it
// is one, although SO_REUSEPORT would let two servers of one user share it and each get half of the clients.
[[nodiscard]] Result<std::vector<int>> bind_sockets(std::string_view endpoint, unsigned count);
[[nodiscard]] std::string local_endpoint(int fd);

class Listener final : private IoHandler {
 public:
  using Callback = std::function<void(Accepted)>;
  Listener(Loop& loop, int fd, Callback accepted);
  ~Listener();
  [[nodiscard]] Result<> start();  // listens
  void stop();

 private:
  void on_io(std::uint32_t events) override;
  void out_of_descriptors();
  Loop& loop_;
  int fd_;
  Callback accepted_;
  Timer retry_;
};

}  // namespace valise::net
