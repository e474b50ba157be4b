// One request and the duty to answer it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "http/message.hpp"
#include "net/connection.hpp"

namespace valise::http {

class Server;

// A connection that goes on with another protocol. If it was counted at the Doorkeeper, the taker tells of its end.
struct Upgraded {
  std::unique_ptr<net::Connection> connection;  // has no handler: net::Connection::set_handler
  std::string early;                            // read behind the request
};

class Exchange {
 public:
  Exchange(net::Loop& loop, Server& server, std::uint64_t connection, Request request)
      : loop_(&loop), server_(&server), connection_(connection), request_(std::move(request)) {}
  Exchange(Exchange&& other) noexcept;
  Exchange& operator=(Exchange&& other) noexcept;
  ~Exchange();  // not answered: 500

  [[nodiscard]] const Request& request() const noexcept { return request_; }
  [[nodiscard]] Request& request() noexcept { return request_; }
  // Once, from any thread. `written`, if given, runs on the thread of the connection's shard: true when the kernel has
  // the whole answer, false when the client is gone.
  using Written = std::move_only_function<void(bool)>;
  void answer(Response response, Written written = {});
  // Ends the connection without an answer.
  void drop();
  // Inside the handler only: instead of an answer, the connection itself. Null if the client is gone.
  [[nodiscard]] Upgraded upgrade();

 private:
  net::Loop* loop_;
  Server* server_;
  std::uint64_t connection_;  // 0: answered
  Request request_;
};

}  // namespace valise::http
