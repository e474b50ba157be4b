// One client stream (RFC 6120 §4–§8): TLS, SASL, bind, stanzas. It begins on the shard that accepted it and moves,
// once, to the home shard of the account that logs in; there it owns the session.
//
//   header → starttls → header → sasl → (moves) → header → bind → stanzas
//
// Fixed after start: host_, connection_ (its loop changes with the move). Home shard only: everything else.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "core/invitations.hpp"
#include "core/session.hpp"
#include "core/shard.hpp"
#include "net/connection.hpp"
#include "stream/ack_window.hpp"
#include "stream/login.hpp"
#include "stream/rate.hpp"
#include "xml/stream_parser.hpp"

namespace valise::stream {

class StreamHost;

class C2s final : private net::ConnectionHandler,
                  private xml::StreamEvents,
                  private core::SessionStream,
                  private LoginOwner {
 public:
  C2s(StreamHost& host, std::uint64_t stream_number, int fd, std::string peer_address, std::uint16_t peer_port,
      bool direct_tls);
  ~C2s();

  [[nodiscard]] Result<> start();
  // On the new home shard, after the move.
  void arrive(StreamHost& host);
  // Polite end by the server: RFC 6120 §4.9.3.20 system-shutdown and the like.
  void end(std::string_view condition, std::string_view text) override;
  [[nodiscard]] const core::Session* session() const noexcept { return session_ ? &*session_ : nullptr; }
  // The same at once: a stranger may keep no memory by not reading it.
  void cut(std::string_view condition, std::string_view text);
  // Bytes that the stream takes: itself, parser, buffers, what waits for it; what expat and OpenSSL hold is estimated.
  [[nodiscard]] std::size_t memory() const noexcept override;
  [[nodiscard]] std::int64_t opened_ms() const noexcept { return opened_ms_; }  // loop time

  const std::uint64_t number;  // of the stream, in the process

 private:
  enum class State : std::uint8_t { plain, secured, authenticated, bound, ending };

  // net::ConnectionHandler
  bool on_bytes(std::string_view bytes) override;
  void on_secured() override;
  void on_sent() override { departures_.sent(connection_.sent()); }
  std::size_t queue_limit() override;
  void on_closed(net::CloseReason reason) override;
  // xml::StreamEvents
  void on_header(const xml::StreamHeader& header) override;
  xml::ParserAction on_stanza(xml::DocumentPtr stanza) override;
  void on_oversized(const xml::OversizedStanza& stanza) override;
  void on_end() override;
  // core::SessionStream
  void deliver(const core::Stanza& stanza, const core::Jid* to, std::string_view extra) override;
  void when_sent(core::Departure& waiting) override;
  void acknowledge(std::uint32_t ack_number) override;
  // LoginOwner
  core::Shard& shard() override;
  net::Connection& connection() override { return connection_; }
  const std::string& domain() const override { return domain_; }
  core::Language language() const override { return language_; }
  void send(std::string_view xml) override { connection_.send(xml); }
  void login_succeeded(LoggedIn who) override;
  void login_failed_too_often() override;
  [[nodiscard]] bool contradicts(const core::Jid& account) const override;

  // c2s_header.cpp: how it opens
  void send_header(std::string_view version = "1.0");
  void send_features();
  // c2s.cpp: the stream
  void stream_error(std::string_view condition, std::string_view text);
  void feed(std::string_view bytes);
  [[nodiscard]] std::size_t used_before_login() const noexcept;
  xml::ParserAction negotiate(xml::Element element);
  void ask_for_tls();
  [[nodiscard]] std::unique_ptr<net::Transport> make_tls();
  // stranger.cpp: what modules answer before log-in
  class AsStranger;
  [[nodiscard]] bool stranger_iq(xml::Element iq);
  // c2s_session.cpp: what follows log-in
  void move_home();
  bool bind(xml::Element iq);
  void bind_error(const std::string& iq_id, const core::StanzaError& error);
  void load_and_bind(core::Jid jid, std::string iq_id, bool fresh);
  void finish_bind(core::Account* account, core::Jid jid, std::string iq_id, bool fresh);
  void iq_error(const std::string& iq_id, const core::StanzaError& error);
  void stanza_from_client(xml::DocumentPtr document);
  bool stream_management(xml::Element element);
  void answer_ack_requests();
  void close_session();
  void give_back();
  // Time
  void on_timer();
  void begin_phase(std::int64_t limit_ms);  // before bind: what is to happen in this time
  void arm(std::int64_t delay_ms);
  void arm_within(std::int64_t delay_ms);  // unless it is due earlier
  [[nodiscard]] std::int64_t stanza_limit_ms();

  StreamHost* host_;
  net::Connection connection_;
  xml::StreamParser parser_;
  State state_ = State::plain;
  core::Language language_ = core::Language::english;
  bool direct_tls_;
  bool header_sent_ = false;
  bool moving_ = false;
  bool binding_ = false;    // an account is being loaded: stanzas wait in held_
  bool lingering_ = false;  // counted as unauthenticated until log-in
  bool pinged_ = false;
  std::uint32_t bind_errors_ = 0;
  std::string domain_;
  std::string header_from_;                   // bare; what the client calls itself
  std::string lang_;                          // the header's xml:lang, for stanzas that have none
  std::unique_ptr<net::Transport> next_tls_;  // <proceed/> is on its way
  core::Jid account_;  // bare, once logged in: never changes (docs/security.md §2: identity after log-in)
  std::string_view mechanism_;
  std::uint64_t credentials_ = 0;  // what the password was checked against: it must still hold at bind
  std::vector<std::string> tags_;  // that rules gave at log-in; the session's, once there is one
  std::optional<core::Session> session_;
  std::unique_ptr<Login> login_;
  std::unique_ptr<core::Invitation> invitation_;  // XEP-0445: that the stranger showed
  std::unique_ptr<AckWindow> acks_;               // XEP-0198, once enabled
  core::Departures departures_;
  std::string carry_;  // bytes read behind the log-in, parsed after the move
  std::vector<xml::DocumentPtr> held_;
  RateMeter rate_;  // bytes
  RateMeter stanza_rate_;
  net::Timer timer_;
  net::Timer resume_;
  std::int64_t opened_ms_;
  std::int64_t last_read_ms_;
  std::int64_t stanza_since_ms_ = 0;  // when the unfinished stanza began; 0: there is none
  std::int64_t deadline_ms_ = 0;      // of the phase, before bind
  std::int64_t due_ms_ = 0;           // of timer_
};

}  // namespace valise::stream
