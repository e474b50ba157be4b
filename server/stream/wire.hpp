// What carries a client stream: XML over TCP (RFC 6120 §4), WebSocket (RFC 7395) or BOSH (XEP-0124, XEP-0206). It makes
// elements of what comes in, by the same parser and within the same limits everywhere, and takes elements to the
// client. Of log-in, sessions and stanzas it knows nothing.
//
// Owned by its C2s and on that one's shard; detach() and attach() move it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "net/connection.hpp"
#include "xml/stream_parser.hpp"

namespace valise::stream {

// RFC 6120 §4.7: what the server's stream header says. `version` may be empty.
struct StreamOpening {
  std::string id, from, to, version, lang;
};

// Headers and stanzas come as from a StreamParser; of what comes in between:
class WireEvents : public xml::StreamEvents {
 public:
  virtual void on_read(std::size_t bytes) = 0;  // so much came in and will be parsed next
  virtual void on_parsed() = 0;                 // and was
  virtual void on_fault(const xml::StreamFault& fault) = 0;
  virtual void on_secured() = 0;
  virtual void on_sent() = 0;  // sent() has grown
  // Bytes that may wait for the client; asked while some do. Beyond them it closes, with CloseReason::overflow.
  [[nodiscard]] virtual std::size_t queue_limit() = 0;
  // It carries nothing any more; it may be destroyed from here on (not inside the call).
  virtual void on_closed(net::CloseReason reason) = 0;

 protected:
  ~WireEvents() = default;
};

// What is left of a wire whose stream is over and that has not said its last word: kept until over() is called.
class Remains {
 public:
  virtual ~Remains() = default;
  std::move_only_function<void()> over;
};

class Wire {
 public:
  virtual ~Wire() = default;
  void bind(WireEvents& events) noexcept { events_ = &events; }
  [[nodiscard]] virtual Result<> start() = 0;

  // ---- to the client. What is sent leaves at the end of the turn.
  virtual void open(const StreamOpening& opening) = 0;
  // The buffer that the next element is appended to, as a child of RFC 6120's <stream:stream xmlns='jabber:client'>:
  // one whole element a call.
  [[nodiscard]] virtual std::string& output() = 0;
  virtual void send(std::string_view element) { output().append(element); }
  // <stream:error/> with that condition; end_stream() follows.
  virtual void send_error(std::string_view /*condition*/, std::string_view element) { send(element); }
  virtual void end_stream() = 0;  // where open() was called
  virtual void flush() = 0;
  // Bytes that wait, and that have left for good. Their sum grows with each element.
  [[nodiscard]] virtual std::size_t queued() = 0;
  [[nodiscard]] virtual std::uint64_t sent() const = 0;

  // ---- from the client
  // The stream begins anew, with the next element that comes in.
  virtual void restart(const xml::StreamLimits& limits) = 0;
  virtual void set_limits(const xml::StreamLimits& limits) = 0;
  // What comes from now on waits until go_on(), at most so many bytes of it.
  virtual void hold(std::size_t bytes) = 0;
  virtual void go_on() = 0;
  virtual void pause_reading() = 0;
  virtual void resume_reading() = 0;
  // As of the StreamParser.
  [[nodiscard]] virtual bool in_stanza() const = 0;
  virtual bool rest() = 0;

  // ---- the connection below
  // STARTTLS: takes `ssl`. At once, or behind the element that is being handled (RFC 6120 §5.4.3.3).
  virtual void secure(SSL* /*ssl*/, bool /*behind*/) {}
  [[nodiscard]] virtual bool secured() const = 0;
  [[nodiscard]] virtual SSL* ssl() = 0;                               // null: TLS, if any, ends elsewhere
  [[nodiscard]] virtual const std::string& peer_address() const = 0;  // the client's
  [[nodiscard]] virtual std::uint16_t peer_port() const = 0;
  // The origin (RFC 6454) of the page that speaks; empty: no page, or its browser does not say.
  [[nodiscard]] virtual std::string_view origin() const { return {}; }
  virtual void close_after_flush() = 0;
  virtual void close_now(net::CloseReason reason) = 0;
  [[nodiscard]] virtual bool closed() const = 0;
  [[nodiscard]] virtual std::string_view transport_error() const { return {}; }
  // Behind on_closed.
  [[nodiscard]] virtual std::unique_ptr<Remains> remains() { return nullptr; }
  virtual void detach() = 0;
  [[nodiscard]] virtual Result<> attach(net::Loop& loop) = 0;
  [[nodiscard]] virtual std::size_t memory() const = 0;  // beyond the object itself
  // Of that, what came in and is not handled yet.
  [[nodiscard]] virtual std::size_t used() const = 0;

 protected:
  [[nodiscard]] WireEvents& events() noexcept { return *events_; }

 private:
  WireEvents* events_ = nullptr;
};

// An element written for Wire::output() as one that stands alone: with the namespace that it had from its parent.
void append_alone(std::string& out, std::string_view element);

}  // namespace valise::stream
