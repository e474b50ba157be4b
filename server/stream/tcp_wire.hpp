// RFC 6120 §4: one XML document each way, over TCP and TLS.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "stream/socket_wire.hpp"

namespace valise::stream {

class TcpWire final : public SocketWire {
 public:
  using SocketWire::SocketWire;
  ~TcpWire();

  [[nodiscard]] Result<> start() override;
  void open(const StreamOpening& opening) override;
  [[nodiscard]] std::string& output() override { return connection_->output(); }
  void send(std::string_view element) override { connection_->send(element); }
  void end_stream() override { connection_->send("</stream:stream>"); }
  void restart(const xml::StreamLimits& limits) override { parser_->restart(limits); }
  void set_limits(const xml::StreamLimits& limits) override { parser_->set_limits(limits); }
  [[nodiscard]] bool in_stanza() const override { return parser_->in_stanza(); }
  bool rest() override { return parser_->rest(); }
  void secure(SSL* ssl, bool behind) override;
  [[nodiscard]] std::size_t memory() const override { return SocketWire::memory() + parser_->memory(); }
  [[nodiscard]] std::size_t used() const override { return SocketWire::used() + parser_->used(); }

 private:
  [[nodiscard]] std::optional<std::size_t> take(std::string_view bytes) override;
  [[nodiscard]] bool turned() override;

  std::optional<xml::StreamParser> parser_;
  std::unique_ptr<net::Transport> next_tls_;  // <proceed/> is on its way
};

}  // namespace valise::stream
