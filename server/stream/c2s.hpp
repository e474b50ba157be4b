// One client stream (RFC 6120 §4–§8): TLS, SASL, bind, stanzas. It begins on the shard that accepted it and moves,
// once, to the home shard of the account that logs in; there it owns the session.
//
//   header → starttls → header → sasl → (moves) → header → bind → stanzas
//   header → starttls → header → sasl → (moves, resumes or binds) → stanzas      with XEP-0388
//
// Fixed after start: host_, connection_ (its loop changes with the move). Home shard only: everything else.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "core/invitations.hpp"
#include "core/services.hpp"
#include "core/session.hpp"
#include "core/shard.hpp"
#include "stream/live_session.hpp"
#include "stream/login.hpp"
#include "stream/rate.hpp"
#include "stream/wire.hpp"

namespace valise::stream {

class StreamHost;

// What an inline or plain <resume/> (XEP-0198 §5) is answered with: <resumed/>, which must be sent at once because what
// was not acknowledged follows, or <failed/>.
using ResumeAnswer = std::move_only_function<void(std::string element, bool resumed)>;

class C2s final : private WireEvents, private Carrier, private LoginOwner {
 public:
  // Its client is counted at the Gate, and leaves it with the stream.
  C2s(StreamHost& host, std::uint64_t stream_number, std::unique_ptr<Wire> wire, bool direct_tls);
  ~C2s();

  [[nodiscard]] Result<> start();
  // On the new home shard, after the move.
  void arrive(StreamHost& host);
  // Polite end by the server: RFC 6120 §4.9.3.20 system-shutdown and the like.
  void end(std::string_view condition, std::string_view text) override;
  // The same at once: a stranger may keep no memory by not reading it.
  void cut(std::string_view condition, std::string_view text);
  // On a stream that has logged in and has no session: looks for that of an earlier stream (XEP-0198 §5). Until the
  // answer comes the client's stanzas wait.
  void resume(xml::Element request, ResumeAnswer answer);
  // The session that it waits for is ready, or has ended: LiveSession::awaited_by.
  void resume_ready();
  // Bytes that the stream takes, its session left out: itself, parser, buffers, what waits for it; what expat and
  // OpenSSL hold is estimated.
  [[nodiscard]] std::size_t memory() const noexcept override;
  [[nodiscard]] std::size_t session_memory() const noexcept { return live_ ? live_->own_memory() : 0; }
  [[nodiscard]] std::int64_t opened_ms() const noexcept { return opened_ms_; }  // loop time
  [[nodiscard]] bool logged_in() const noexcept { return !lingering_; }
  const std::uint64_t number;  // of the stream, in the process

 private:
  enum class State : std::uint8_t { plain, secured, authenticated, bound, ending };

  // WireEvents
  void on_read(std::size_t bytes) override;
  void on_parsed() override;
  void on_fault(const xml::StreamFault& fault) override { stream_error(fault.condition, fault.text); }
  void on_secured() override;
  void on_sent() override { departures_.sent(connection_.sent()); }
  std::size_t queue_limit() override;
  void on_closed(net::CloseReason reason) override;
  void on_header(const xml::StreamHeader& header) override;
  xml::ParserAction on_stanza(xml::DocumentPtr stanza) override;
  void on_oversized(const xml::OversizedStanza& stanza) override;
  void on_end() override;
  // Carrier
  std::string& output() override { return answers_later() ? output_behind_success() : connection_.output(); }
  void when_sent(core::Departure& waiting) override;
  void replaced() override;
  // LoginOwner
  core::Shard& shard() override;
  Wire& connection() override { return connection_; }
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
  // `more`: an application-specific condition (RFC 6120 §4.9.4).
  void stream_error(std::string_view condition, std::string_view text, std::string_view more = {});
  // docs/security.md §3: what a stranger makes us keep, beside TLS; the second without what it does not read.
  [[nodiscard]] std::size_t used_before_login() { return kept_before_login() + connection_.queued(); }
  [[nodiscard]] std::size_t kept_before_login() const noexcept;
  xml::ParserAction negotiate(xml::Element element);
  [[nodiscard]] bool ask_for_tls();
  // stranger.cpp: what modules answer before log-in
  class AsStranger;
  [[nodiscard]] bool stranger_iq(xml::Element iq);
  // c2s_session.cpp: what follows log-in
  void move_home();
  bool bind(xml::Element iq);
  [[nodiscard]] bool may_be_prose(const core::Jid& jid);  // its resource
  void bind_error(const std::string& iq_id, const core::StanzaError& error);
  void load_and_bind(core::Jid jid, std::string iq_id, bool fresh);
  [[nodiscard]] std::optional<core::StanzaError> open_session(core::Account& account, core::Jid jid);
  void release_held();
  void finish_bind(core::Account* account, core::Jid jid, std::string iq_id, bool fresh);
  void iq_error(const std::string& iq_id, const core::StanzaError& error);
  [[nodiscard]] bool has_place(core::Account& account, const core::Jid& jid);
  void pause_for(std::int64_t ms);  // before more is read; up to ten seconds, 0 or less: not at all
  void stanza_from_client(xml::DocumentPtr document);
  void begin_session(core::Session& session, std::string_view reason);
  void close_session();
  void give_back();
  // c2s_inline.cpp: what an <authenticate/> asked for (XEP-0388), in this order; then <success/>
  struct Asked {
    std::unique_ptr<Inline> login;
    std::string not_resumed;  // <failed/>
    std::optional<core::GivenToken> token;
    // Once the session is bound: what <bound/> says, and how many of those that add to it are still to be heard.
    std::string bound;
    std::size_t unheard = 0;
    // What the session was sent already; it follows <success/>.
    std::vector<std::string> behind;
    std::size_t behind_bytes = 0;
    std::vector<core::Departure*> departures;
  };
  void load_and_begin(bool fresh);
  void begin_inline(core::Account* account, bool fresh);
  void upgrade_keys(core::Account& account);
  void commit_keys();
  void tell_clients(core::Account& account);
  void resume_inline();
  void bind_inline(core::Account* account);
  [[nodiscard]] std::string take_bind_features(xml::Element request);
  void hear_of_bound(std::string_view said);
  void answer_bound();
  // The session is bound, and its client does not know.
  [[nodiscard]] bool answers_later() const noexcept { return asked_ && state_ == State::bound; }
  std::string& output_behind_success();
  void succeed_inline(const core::Jid& who, std::string_view outcome, bool resumed);
  // c2s_management.cpp: XEP-0198
  struct Resumption {
    std::string id;
    std::uint32_t h = 0;
    ResumeAnswer answer;
  };
  bool stream_management(xml::Element element);
  void acknowledged_too_much(std::uint32_t h, std::uint32_t sent);
  void load_and_resume(bool fresh);
  void look_for_session(core::Account* account, bool fresh);
  void resume_fails(std::string_view condition, std::optional<std::uint32_t> h = std::nullopt);
  [[nodiscard]] LiveSession* let_go();
  void lose(std::string_view condition, std::string_view text);
  // Time
  void on_timer();
  void begin_phase(std::int64_t limit_ms);  // before bind: what is to happen in this time
  void arm(std::int64_t delay_ms);
  void arm_within(std::int64_t delay_ms);  // unless it is due earlier
  [[nodiscard]] std::int64_t stanza_limit_ms();

  StreamHost* host_;
  std::unique_ptr<Wire> wire_;
  Wire& connection_;  // *wire_
  State state_ = State::plain;
  core::Language language_ = core::Language::english;
  bool direct_tls_;
  bool header_sent_ = false;
  bool moving_ = false;
  bool binding_ = false;    // an account is being loaded: stanzas wait in held_
  bool lingering_ = false;  // counted as unauthenticated until log-in
  bool pinged_ = false;
  bool over_ = false;  // the session ends with this stream, whatever ends that first
  std::uint32_t bind_errors_ = 0;
  std::string domain_;
  std::string header_from_;  // bare; what the client calls itself
  std::string lang_;         // the header's xml:lang, for stanzas that have none
  core::Jid account_;        // bare, once logged in: never changes (docs/security.md §2: identity after log-in)
  std::string_view mechanism_;
  std::uint64_t credentials_ = 0;  // what the password was checked against: it must still hold at bind
  std::vector<std::string> tags_;  // that rules gave at log-in; the session's, once there is one
  std::unique_ptr<LiveSession> live_;
  std::unique_ptr<Login> login_;
  std::unique_ptr<Asked> asked_;                  // <authenticate/> is not answered yet
  std::unique_ptr<Resumption> resumption_;        // <resume/> is not answered yet
  std::unique_ptr<core::Invitation> invitation_;  // XEP-0445: that the stranger showed
  core::Departures departures_;
  std::vector<xml::DocumentPtr> held_;
  static std::int64_t own_or(std::uint32_t own, std::int64_t usual) { return own != 0 ? own : usual; }

  RateMeter rate_;  // bytes
  RateMeter stanza_rate_;
  core::Pace pace_;  // that rules gave the session
  net::Timer timer_;
  net::Timer resume_;
  std::int64_t opened_ms_;
  std::int64_t last_read_ms_;
  std::int64_t stanza_since_ms_ = 0;  // when the unfinished stanza began; 0: there is none
  std::int64_t deadline_ms_ = 0;      // of the phase, before bind
  std::int64_t due_ms_ = 0;           // of timer_
};

}  // namespace valise::stream
