// A wire that is one connection of its own.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "stream/wire.hpp"

namespace valise::stream {

class SocketWire : public Wire, public net::ConnectionHandler {
 public:
  SocketWire(net::Loop& loop, int fd, std::string peer_address, std::uint16_t peer_port)
      : connection_(std::make_unique<net::Connection>(loop, *this, fd, std::move(peer_address), peer_port)) {}
  explicit SocketWire(std::unique_ptr<net::Connection> connection) : connection_(std::move(connection)) {
    connection_->set_handler(*this);
  }

  void flush() override { connection_->flush(); }
  [[nodiscard]] std::size_t queued() override { return connection_ ? connection_->queued() : 0; }
  [[nodiscard]] std::uint64_t sent() const override { return connection_ ? connection_->sent() : 0; }
  void hold(std::size_t bytes) override {
    held_ = true;
    longest_carry_ = bytes;
  }
  void go_on() override;
  void pause_reading() override {
    if (connection_) connection_->pause_reading();
  }
  void resume_reading() override {
    if (connection_) connection_->resume_reading();
  }
  [[nodiscard]] bool secured() const override { return connection_->secured(); }
  [[nodiscard]] SSL* ssl() override { return connection_ ? connection_->transport().ssl() : nullptr; }
  [[nodiscard]] const std::string& peer_address() const override { return connection_->peer_address(); }
  [[nodiscard]] std::uint16_t peer_port() const override { return connection_->peer_port(); }
  void close_after_flush() override {
    closing_ = true;
    connection_->close_after_flush();
  }
  void close_now(net::CloseReason reason) override { connection_->close_now(reason); }
  [[nodiscard]] bool closed() const override { return !connection_ || connection_->closed(); }
  [[nodiscard]] std::string_view transport_error() const override { return connection_->transport_error(); }
  void detach() override { connection_->detach(); }
  [[nodiscard]] Result<> attach(net::Loop& loop) override { return connection_->attach(loop); }
  [[nodiscard]] std::size_t memory() const override {
    return (connection_ ? connection_->memory() : 0) + carry_.capacity();
  }
  [[nodiscard]] std::size_t used() const override { return carry_.size(); }

 protected:
  bool on_bytes(std::string_view bytes) override;
  void on_secured() override { events().on_secured(); }
  void on_sent() override { events().on_sent(); }
  std::size_t queue_limit() override { return events().queue_limit(); }
  void on_closed(net::CloseReason reason) override { events().on_closed(reason); }

  // Parses some of it; at least one byte. Nothing: it faulted, and the events know.
  [[nodiscard]] virtual std::optional<std::size_t> take(std::string_view bytes) = 0;
  // Behind each take(). True: nothing more of these bytes is read (the transport is another one).
  [[nodiscard]] virtual bool turned() { return false; }
  void feed(std::string_view bytes);
  [[nodiscard]] bool deaf() const { return closing_ || closed(); }

  // As if these bytes had come in already, and the wire were held.
  void hold_with(std::string bytes) {
    carry_ = std::move(bytes);
    hold(2 * carry_.size() + 65'536);
  }

  std::unique_ptr<net::Connection> connection_;  // null: it was given away behind on_closed
  bool closing_ = false;
  bool held_ = false;

 private:
  std::size_t longest_carry_ = 0;
  std::string carry_;  // came while it was held
};

}  // namespace valise::stream
