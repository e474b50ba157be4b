// A listening socket of one shard. All shards listen on the same address with SO_REUSEPORT; the kernel spreads
// connections. Listening sockets are opened before privileges are dropped.
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

// Opens and binds "192.0.2.1:5222", "[::1]:5222", port 0 allowed. Errors name the address.
[[nodiscard]] Result<int> open_listening_socket(std::string_view endpoint);
[[nodiscard]] std::string local_endpoint(int fd);

class Listener final : private IoHandler {
 public:
  using Callback = std::function<void(Accepted)>;
  Listener(Loop& loop, int fd, Callback accepted);
  ~Listener();
  [[nodiscard]] Result<> start();
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
