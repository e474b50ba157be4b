// A BOSH session (XEP-0124) without its HTTP: which request is next, which waits, what each is answered. Pure: time and
// requests are given to it, answers go out through Events.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <string_view>

#include "stream/bosh_body.hpp"

namespace valise::stream {

inline constexpr std::string_view bosh_ns = "http://jabber.org/protocol/httpbind";
inline constexpr std::string_view xbosh_ns = "urn:xmpp:xbosh";

// §17: what ends a session, or refuses a request that has none.
[[nodiscard]] std::string bosh_terminate(std::string_view condition);

// What client and server have agreed on (§7).
struct BoshTerms {
  unsigned wait_s = 60;        // longest that a request is held
  unsigned hold = 1;           // so many are held at once; 0: the client polls
  unsigned inactivity_s = 60;  // longest without a request
  unsigned polling_s = 2;      // shortest between two that are empty
  unsigned maxpause_s = 120;
  bool acks = false;    // the client wants to know what has come
  bool legacy = false;  // it named no version: some errors are HTTP's (§17.1)
  [[nodiscard]] unsigned requests() const noexcept { return hold + 1; }
};

class BoshSession {
 public:
  using Ticket = std::uint64_t;  // one HTTP request

  class Events {
   public:
    // The next request, in order. What it causes may come at once or later, by push() and finish().
    virtual void on_request(BoshBody body) = 0;
    // The answer to a request; `payload`: so many bytes of push() are in it for the first time.
    virtual void on_answer(Ticket ticket, unsigned status, std::string body, std::size_t payload) = 0;
    // A rule was broken, or nobody asked for too long: the session is over without the stream's doing. Last call.
    virtual void on_lost() = 0;

   protected:
    ~Events() = default;
  };

  // `first`: the request that began it, which is the first to be answered; `opening`: attributes of that answer.
  BoshSession(Events& events, const BoshTerms& terms, const BoshBody& first, Ticket ticket, std::int64_t now_ms);

  void take(BoshBody body, Ticket ticket, std::int64_t now_ms);
  // While paused, requests are taken and not handed on.
  void pause(bool paused, std::int64_t now_ms);
  // An element that stands alone, for the client.
  void push(std::string_view element) { output_ += element; }
  // Attributes of the next answer, each with a space before it.
  void say(std::string attributes) { attributes_ += attributes; }
  // The stream has ended; `condition` "": as the client wished, or politely. What was pushed goes before.
  void finish(std::string_view condition);
  // At once, and nothing that was pushed leaves any more.
  void abort(std::string_view condition);
  // Answers what is due: call it when a turn ends and when due_ms() has come.
  void settle(std::int64_t now_ms);
  // When settle() has something to do by time.
  [[nodiscard]] std::int64_t due_ms() const noexcept;

  [[nodiscard]] bool over() const noexcept { return over_; }  // nothing more will be answered but by memory
  [[nodiscard]] std::size_t waiting() const noexcept { return output_.size(); }
  [[nodiscard]] std::size_t memory() const noexcept;
  [[nodiscard]] const BoshTerms& terms() const noexcept { return terms_; }
  // A client that is gone and its unanswered requests.
  template <class Forget>
  void each_ticket(Forget forget) const {
    for (const auto& one : held_) forget(one.ticket);
    for (const auto& [rid, one] : early_) forget(one.ticket);
  }

 private:
  struct Held {
    std::uint64_t rid;
    Ticket ticket;
    std::int64_t since_ms;
    bool pauses = false;  // §10: answered at once, without payload, not remembered
    unsigned repeats = 0;
  };
  struct Early {
    BoshBody body;
    Ticket ticket;
    std::int64_t since_ms;
    unsigned repeats = 0;
  };
  struct Answered {
    std::uint64_t rid;
    std::string body;
    unsigned repeats = 0;
  };

  void repeat(const BoshBody& body, Ticket ticket, std::int64_t now_ms);
  void hand_on(std::int64_t now_ms);
  [[nodiscard]] bool key_fits(const BoshBody& body);
  [[nodiscard]] bool too_soon(const BoshBody& body, std::int64_t now_ms);
  void answer_oldest(std::int64_t now_ms);
  void end_with(Ticket ticket, std::string_view condition);
  void fail(std::string_view condition);
  [[nodiscard]] std::string wrapper(std::uint64_t rid, std::string_view attributes, std::string_view content) const;

  Events& events_;
  const BoshTerms terms_;
  std::uint64_t next_rid_;  // of the request that is handed on next
  std::string next_key_;    // hex(SHA-1) of the key that it has; "": there are no keys
  std::map<std::uint64_t, Early> early_;
  std::deque<Held> held_;         // handed on and not answered, by rid
  std::deque<Answered> answers_;  // the last ones
  std::string output_;
  std::string attributes_;
  std::int64_t quiet_since_ms_;       // nothing is held since
  std::int64_t inactivity_ms_;        // until the next request (§10)
  std::int64_t last_request_ms_ = 0;  // the last new one
  bool last_was_empty_ = false;       // and so was its answer
  bool paused_ = false;
  bool handing_ = false;
  bool finishing_ = false;
  bool over_ = false;
  std::string condition_;  // of the end
};

}  // namespace valise::stream
