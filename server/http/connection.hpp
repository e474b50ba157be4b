// One HTTP connection: requests one behind the other (RFC 9112 §9.3), each whole before its handler sees it.
//
//   TLS → (idle → head → body → answer)* → closed, or upgraded
//
// Private to server/http.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>

#include "http/exchange.hpp"
#include "http/parser.hpp"
#include "http/router.hpp"
#include "net/connection.hpp"
#include "net/listener.hpp"

namespace valise::http {

class ServerConnection final : public net::ConnectionHandler {
 public:
  ServerConnection(Server& server, std::uint64_t id, net::Accepted accepted, bool tls, bool counted);
  ~ServerConnection();

  [[nodiscard]] Result<> start(SSL* ssl);
  void answer(Response response, Exchange::Written written);
  void drop();
  [[nodiscard]] Upgraded upgrade();
  void shut_down();
  const std::uint64_t id;

 private:
  enum class State : std::uint8_t { handshake, idle, request, answering, ending };

  bool on_bytes(std::string_view bytes) override;
  void on_secured() override;
  void on_sent() override;
  std::size_t queue_limit() override;
  void on_closed(net::CloseReason reason) override;

  void read_requests();
  [[nodiscard]] bool take_head();
  void dispatch(Request request);
  [[nodiscard]] bool identify(Request& request);
  void respond(const Response& response, unsigned version, bool keep_alive, bool head);
  void refuse(unsigned status);
  void gone();
  void arm(std::int64_t delay_ms);
  void on_timer();

  Server& server_;
  std::unique_ptr<net::Connection> connection_;
  std::unique_ptr<RequestParser> parser_;
  std::string input_;
  State state_ = State::handshake;
  bool tls_;
  bool counted_;  // at the door, for its peer's address
  bool reading_requests_ = false;
  // Of the request that is being answered.
  bool keep_alive_ = true;
  bool head_ = false;
  unsigned version_ = 11;
  const Route* route_ = nullptr;
  std::string origin_;
  struct Leaving {
    std::uint64_t end;  // in the bytes of the connection
    Exchange::Written written;
  };
  std::deque<Leaving> leaving_;  // answers that the kernel does not have yet, whose askers want to know
  net::Timer timer_;
};

}  // namespace valise::http
