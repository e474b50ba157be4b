// A bound session for as long as it lives: it outlives the connections that carry it (XEP-0198 §5).
//
//   bound → carried ⇄ detached → ended
//
// Owned by the connection that carries it; while none does, by its shard's Hibernation. Home shard only.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/session.hpp"
#include "net/timer_wheel.hpp"
#include "stream/ack_window.hpp"
#include "stream/outbound_queue.hpp"
#include "xml/document.hpp"

namespace valise::stream {

class StreamHost;

// The connection that carries a session at the moment, whatever its bytes travel in.
class Carrier {
 public:
  // Where whole elements are appended; they leave at the end of the turn.
  [[nodiscard]] virtual std::string& output() = 0;
  // As SessionStream::when_sent, for what was appended so far.
  virtual void when_sent(core::Departure& waiting) = 0;
  // Ends the stream and with it the session (RFC 6120 §4.9.3; `condition` empty: a plain close): LiveSession::finish.
  virtual void end(std::string_view condition, std::string_view text) = 0;
  // Another connection takes the session: detaches it, then ends the stream with <conflict/> (XEP-0198 §5).
  virtual void replaced() = 0;
  // Bytes that it takes without the session.
  [[nodiscard]] virtual std::size_t memory() const noexcept = 0;

 protected:
  ~Carrier() = default;
};

class LiveSession final : public core::SessionStream {
 public:
  LiveSession(StreamHost& host, std::uint64_t id, core::Jid jid, core::Account& account, Carrier& carrier);
  ~LiveSession();
  LiveSession(const LiveSession&) = delete;
  LiveSession& operator=(const LiveSession&) = delete;

  // Every session of our shards is one of these.
  [[nodiscard]] static LiveSession& of(core::Session& session) { return static_cast<LiveSession&>(session.stream); }
  [[nodiscard]] core::Session& session() noexcept { return session_; }
  [[nodiscard]] Carrier* carrier() noexcept { return carrier_; }
  // Bytes of the session alone; memory(): with what carries it.
  [[nodiscard]] std::size_t own_memory() const noexcept;
  [[nodiscard]] std::size_t memory() const noexcept override {
    return own_memory() + (carrier_ == nullptr ? 0 : carrier_->memory());
  }

  // ---- core::SessionStream: all that its client gets passes deliver() and entrust(). What holds stanzas back for a
  // while or leaves some out (Session::outlet) stands there, before they are counted.
  void deliver(const core::StanzaPtr& stanza, const core::Jid* to, std::string_view extra) override;
  bool entrust(const core::StanzaPtr& stanza, std::string_view extra, core::Custody& custody) override;
  void when_sent(core::Departure& waiting) override;
  void acknowledge(std::uint64_t number) override;
  void end(std::string_view condition, std::string_view text) override;
  [[nodiscard]] bool connected() const noexcept override { return carrier_ != nullptr; }
  [[nodiscard]] std::vector<std::uint64_t> held_rows() const override;
  [[nodiscard]] std::size_t held_news() const override;

  // ---- XEP-0198 with the client
  // The answer to <enable/>: <enabled/> or <failed/>. Counting begins with it: it is sent before anything else is.
  [[nodiscard]] std::string enable(xml::Element request);
  // A stanza came in: its number; 0 where nothing is counted.
  [[nodiscard]] std::uint64_t received();
  // <r/>: answered when all that came before is handled for good.
  void requested();
  // <a h=…/>. False: the client has not been sent so much.
  [[nodiscard]] bool heard(std::uint32_t h);
  [[nodiscard]] bool managed() const noexcept { return managed_ != nullptr; }
  // Whether the client may have got so many.
  [[nodiscard]] bool knows(std::uint32_t h) const noexcept { return managed_ && managed_->outbound.knows(h); }
  // Stanzas sent, modulo 2^32.
  [[nodiscard]] std::uint32_t sent_count() const noexcept;

  // ---- its connections
  [[nodiscard]] bool resumable() const noexcept { return managed_ && managed_->window_ms > 0; }
  [[nodiscard]] std::string_view resumption_id() const noexcept;  // empty: it can't be resumed
  [[nodiscard]] std::uint32_t h() const noexcept;                 // handled of what the client sent
  // All that came in is handled: what <resumed/> says of it does not change any more.
  [[nodiscard]] bool all_handled() const noexcept { return !managed_ || managed_->inbound.open() == 0; }
  // The stream with this number is told (C2s::resume_ready) when all is handled or the session has ended; one of them,
  // 0: nobody. Returns who waited before.
  std::uint64_t awaited_by(std::uint64_t stream_number);
  // It has no connection any more. Behind it, and unless another one resumes it at once, strand(): whose messages it
  // holds makes them durable.
  void detach();
  void strand();
  // A connection carries it again; <resumed/> stands in its output. Of what was sent the client has had `h`, which
  // knows() was asked about; the rest is sent again, in order.
  void resume(Carrier& carrier, std::uint32_t h);
  // While it is detached: how long a client may take to come back, and its place among the detached ones.
  void begin_to_wait(std::uint64_t place);
  [[nodiscard]] std::uint64_t place() const noexcept { return managed_ ? managed_->place : 0; }

  // The session is over, once: it is told so, then what its client did not acknowledge goes back. Whoever owns it
  // gives it to StreamHost::bury.
  void finish();

 private:
  struct Managed {
    explicit Managed(LiveSession& session)
        : timer([](void* self) { static_cast<LiveSession*>(self)->on_timer(); }, &session) {}
    AckWindow inbound;
    OutboundQueue outbound;
    std::array<char, 32> id{};   // hexadecimal
    std::int64_t window_ms = 0;  // how long after its connection's end it can be resumed; 0: not at all
    std::uint64_t place = 0;
    std::uint64_t awaited_by = 0;
    bool asked = false;   // <r/> is on its way
    bool over = false;    // more waits for acknowledgement than may; the timer ends it
    bool ending = false;  // far more: it ends in this turn
    net::Timer timer;     // carried: until <r/> is sent, or the end; detached: the end
  };

  void send(const core::StanzaPtr& stanza, const core::Jid* to, std::string_view extra, core::Custody* custody);
  void transmit(const Outbound& outbound, bool late);
  void send_waiting();
  void answer_request();
  void look_at_queue();
  void ask();
  void end_soon();
  [[nodiscard]] bool holds_more_than(std::size_t times) const;
  void give_back(std::vector<Outbound> left);
  void on_timer();
  void tell_awaiting();
  void arm(std::int64_t delay_ms);

  StreamHost& host_;
  Carrier* carrier_;
  bool ended_ = false;
  core::Session session_;
  std::unique_ptr<Managed> managed_;  // XEP-0198, once enabled
};

}  // namespace valise::stream
