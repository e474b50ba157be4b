// RFC 7395: each message is one element that stands alone; <open/> and <close/> are its stream headers.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "http/websocket.hpp"
#include "net/timer_wheel.hpp"
#include "stream/socket_wire.hpp"

namespace valise::stream {

class WebSocketWire final : public SocketWire,
                            private http::websocket::FrameEvents,
                            private xml::StreamEvents,
                            private net::TurnEnd {
 public:
  // Of a connection whose opening handshake is answered. `early`: what was read behind it. The client's address, which
  // is the proxy's word where there is one; `port` 0: not known. `origin`: of the page, if it said so.
  WebSocketWire(std::unique_ptr<net::Connection> connection, std::string early, std::string address, std::uint16_t port,
                std::string origin);
  ~WebSocketWire();

  [[nodiscard]] Result<> start() override;
  void open(const StreamOpening& opening) override;
  [[nodiscard]] std::string& output() override;
  void send_error(std::string_view condition, std::string_view element) override;
  void end_stream() override;
  void flush() override;
  [[nodiscard]] std::size_t queued() override;
  void restart(const xml::StreamLimits& limits) override;
  void set_limits(const xml::StreamLimits& limits) override;
  [[nodiscard]] bool in_stanza() const override { return in_message_; }
  bool rest() override { return !in_message_ && parser_.rest(); }
  [[nodiscard]] bool secured() const override { return true; }
  [[nodiscard]] const std::string& peer_address() const override { return address_; }
  [[nodiscard]] std::uint16_t peer_port() const override { return port_; }
  [[nodiscard]] std::string_view origin() const override { return origin_; }
  void close_after_flush() override;
  void close_now(net::CloseReason reason) override;
  [[nodiscard]] std::unique_ptr<Remains> remains() override;
  void detach() override;
  [[nodiscard]] std::size_t memory() const override;
  [[nodiscard]] std::size_t used() const override { return SocketWire::used() + parser_.memory() + start_.size(); }

 private:
  class Goodbye;
  // http::websocket::FrameEvents
  bool on_text(std::string_view piece, bool first, bool last) override;
  void on_ping(std::string_view payload) override;
  void on_close(http::websocket::Close code) override;
  // xml::StreamEvents, within one message
  void on_header(const xml::StreamHeader&) override {}
  xml::ParserAction on_stanza(xml::DocumentPtr element) override;
  void on_oversized(const xml::OversizedStanza& stanza) override;
  void on_end() override { wrong_ = true; }
  // net::TurnEnd
  void on_turn_end() override;

  [[nodiscard]] std::optional<std::size_t> take(std::string_view bytes) override;
  [[nodiscard]] bool parse(std::string_view piece);
  [[nodiscard]] bool begin_message();
  [[nodiscard]] bool end_message();
  [[nodiscard]] bool hand_up(xml::DocumentPtr element);
  void fault(std::string_view condition, std::string text);
  void seal();
  void say_goodbye(http::websocket::Close code, net::CloseReason reason);

  http::websocket::FrameReader reader_;
  xml::StreamParser parser_;
  xml::StreamLimits limits_;
  std::string address_;
  std::string origin_;
  std::uint16_t port_;
  bool expects_open_ = true;
  bool in_message_ = false;
  bool wrong_ = false;  // the message holds more or less than one element
  bool declared_ = false;
  bool parsing_ = false;  // of this message something has gone to the parser
  bool early_ = false;    // what came behind the handshake waits
  bool goodbye_ = false;
  http::websocket::Close last_word_ = http::websocket::Close::normal;
  std::string start_;  // of the message, until it is known how it begins
  xml::DocumentPtr element_;
  std::unique_ptr<xml::OversizedStanza> oversized_;
  std::string staged_;  // an element that is not framed yet
};

}  // namespace valise::stream
