// One accepted socket: non-blocking, read in the loop's turn into a buffer of the thread, written once at its end.
// It owns no buffer while it is idle. The byte transport (plain, OpenSSL; kernel TLS later) is exchangeable.
//
// Home loop only: everything; detach() and attach() move it to another loop.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "net/loop.hpp"
#include "net/transport.hpp"

namespace valise::net {

// What ended a connection, for the log and the stream above.
enum class CloseReason : std::uint8_t { by_peer, by_us, error, overflow };

class ConnectionHandler {
 public:
  // Return false when the connection was closed, detached or its transport changed: reading stops for this turn.
  virtual bool on_bytes(std::string_view bytes) = 0;
  virtual void on_secured() = 0;  // the TLS handshake has ended
  virtual void on_sent() {}       // the kernel took bytes: sent() has grown
  // How many unsent bytes may wait: asked when the kernel takes no more. Beyond it the connection ends.
  [[nodiscard]] virtual std::size_t queue_limit() = 0;
  // The socket is gone; the connection may be destroyed from here on (not inside the call).
  virtual void on_closed(CloseReason reason) = 0;

 protected:
  ~ConnectionHandler() = default;
};

class Connection final : private IoHandler, private TurnEnd, private Share {
 public:
  // Takes the descriptor. `peer` as "192.0.2.1" and port.
  Connection(Loop& loop, ConnectionHandler& handler, int fd, std::string peer_address, std::uint16_t peer_port);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  [[nodiscard]] Result<> start();  // begins to read
  // Another one goes on with the connection, from the next bytes on. Inside a call of the old one this must be followed
  // by its return (on_bytes: false).
  void set_handler(ConnectionHandler& handler);

  // Queues bytes; they leave at the end of the turn. Never blocks. Beyond the handler's queue_limit() of waiting bytes
  // the connection ends with CloseReason::overflow at the end of the turn.
  void send(std::string_view bytes);
  // For writers that build into place: the buffer that send() appends to.
  [[nodiscard]] std::string& output();
  [[nodiscard]] std::size_t queued() const noexcept { return output_.size() - written_; }
  // Bytes that the kernel has taken, ever.
  [[nodiscard]] std::uint64_t sent() const noexcept { return sent_; }
  // Sends what is queued now, as far as the kernel takes it. May end the connection.
  void flush();

  // From here on everything goes through `tls`; plain bytes that were read but not handed up are dropped
  // (docs/security.md §2: text injected before STARTTLS). What send() queued before still leaves in the clear first;
  // until it has, nothing more is read.
  void secure(std::unique_ptr<Transport> tls);
  [[nodiscard]] Transport& transport() noexcept { return *transport_; }
  [[nodiscard]] bool secured() const noexcept { return secured_; }

  void pause_reading();
  void resume_reading();  // when its share of the loop's turns comes
  [[nodiscard]] bool reading() const noexcept { return reading_; }

  // Sends what is queued, then ends (TLS close_notify, FIN). on_closed follows, at the latest after `linger_ms`.
  void close_after_flush(std::int64_t linger_ms = 5000);
  void close_now(CloseReason reason);
  [[nodiscard]] bool closed() const noexcept { return fd_ < 0; }

  // Leaves the loop with all its state; attach() must follow on the other loop's thread.
  void detach();
  [[nodiscard]] Result<> attach(Loop& loop);

  [[nodiscard]] int descriptor() const noexcept { return fd_; }
  [[nodiscard]] const std::string& transport_error() const noexcept { return transport_error_; }
  [[nodiscard]] Loop& loop() noexcept { return *loop_; }
  [[nodiscard]] const std::string& peer_address() const noexcept { return peer_address_; }
  [[nodiscard]] std::uint16_t peer_port() const noexcept { return peer_port_; }
  // Bytes that it holds beside the object itself; what OpenSSL holds is an estimate.
  [[nodiscard]] std::size_t memory() const noexcept {
    return output_.capacity() + (flight_ ? handshake_memory : transport_->memory()) + peer_address_.capacity() +
           transport_error_.capacity();
  }

 private:
  void on_io(std::uint32_t events) override;
  void on_turn_end() override;
  void on_share() override;
  void leave_loop();
  void read_some();
  struct Flight;
  void await_handshake();
  void handshake();
  [[nodiscard]] bool handshake_elsewhere();
  void land();
  void take_handshake(IoStatus outcome);
  void close_socket();
  void write_output();
  void drop_in_large_pieces();
  void drop_input();
  void wait_bounded();
  void fit_output();
  [[nodiscard]] Result<> watch();
  [[nodiscard]] std::uint32_t interest() const noexcept;
  void update_interest();
  void drop_output();
  static constexpr std::size_t heard_out = 16'384;  // bytes behind our goodbye, in which close_notify may come
  [[nodiscard]] bool drops() const noexcept { return heard_ > heard_out; }
  [[nodiscard]] bool may_read() const noexcept {
    return (reading_ || closing_) && !drops() && !handshaking_ && !next_transport_;
  }

  Loop* loop_;
  ConnectionHandler* handler_;
  int fd_;
  std::uint16_t peer_port_;
  bool reading_ = true;
  bool secured_ = false;
  bool handshaking_ = false;
  bool want_write_ = false;
  bool closing_ = false;
  bool wants_much_ = false;  // it filled a buffer, and nothing short has come since
  bool drained_ = true;      // the transport holds nothing whole: the next event of the socket tells
  std::uint32_t interest_ = 0;
  std::uint64_t read_turn_ = 0;  // the loop's turn of the last read
  std::unique_ptr<Transport> transport_;
  std::unique_ptr<Transport> next_transport_;
  std::shared_ptr<Flight> flight_;  // another thread has transport_ and the socket, until it lands
  std::string output_;
  std::size_t written_ = 0;
  std::uint64_t sent_ = 0;
  std::size_t heard_ = 0;  // bytes, since it is closing
  std::string peer_address_;
  std::string transport_error_;
  Timer linger_;
};

}  // namespace valise::net
