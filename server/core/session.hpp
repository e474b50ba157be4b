// One bound resource of an account. Lives and is touched on the account's home shard only.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/audit/record.hpp"
#include "core/custody.hpp"
#include "core/departure.hpp"
#include "core/jid/jid.hpp"
#include "core/requests.hpp"
#include "core/stanza.hpp"
#include "core/text.hpp"

namespace valise::core {

class Account;

// Data that a module keeps for an account or a session; dies with it. One slot a module that asked for one.
struct Part {
  virtual ~Part() = default;
};

// The stream below a session. It may have no connection for a while (XEP-0198 §5); what is delivered waits then.
class SessionStream {
 public:
  // Sends a stanza; `to`: the address to write instead of the stanza's own, the account's or the session's; `extra` as
  // in Stanza::append. What was delivered is only read from then on.
  virtual void deliver(const StanzaPtr& stanza, const Jid* to, std::string_view extra) = 0;
  // The same for a message whose fate somebody wants to know. True: the client acknowledges what it gets, and
  // `custody`, which lives until then, is told what becomes of it. False: it acknowledges nothing.
  [[nodiscard]] virtual bool entrust(const StanzaPtr& stanza, std::string_view extra, Custody& custody) = 0;
  // Tells `waiting` when what was delivered so far has left for the kernel, or never will on this connection; it lives
  // until then. Without a connection it is told at once.
  virtual void when_sent(Departure& waiting) = 0;
  [[nodiscard]] virtual bool connected() const noexcept = 0;
  // Of the messages that its client has not acknowledged: the rows that they wait in (Custody::row).
  [[nodiscard]] virtual std::vector<std::uint64_t> held_rows() const = 0;
  // And how many of them a person who is away is told of (Custody::tells).
  [[nodiscard]] virtual std::size_t held_news() const { return 0; }
  // The stanza that the client sent under this number is handled for good (XEP-0198).
  virtual void acknowledge(std::uint64_t number) = 0;
  // Bytes that it takes, what waits for it included.
  [[nodiscard]] virtual std::size_t memory() const noexcept { return 0; }
  // Ends it with a stream error (RFC 6120 §4.9.3); `condition` empty: a plain close.
  virtual void end(std::string_view condition, std::string_view text) = 0;

 protected:
  ~SessionStream() = default;
};

// Stands before a session's stream while nobody looks at its client (XEP-0352).
class Outlet {
 public:
  // What SessionStream::deliver is called with. True: it keeps the stanza for later, or leaves it out for good. False:
  // the stanza goes, and what was kept has gone before it.
  [[nodiscard]] virtual bool keeps(const StanzaPtr& stanza, const Jid* to, std::string_view extra) = 0;
  // Sends what it has kept.
  virtual void release() = 0;

 protected:
  ~Outlet() = default;
};

class Session {
 public:
  Session(std::uint64_t id_, Jid jid_, Account& account_, SessionStream& stream_)
      : id(id_), jid(std::move(jid_)), account(account_), stream(stream_) {}
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // Fixed after bind.
  const std::uint64_t id;  // unique in the process
  const Jid jid;           // full
  Account& account;
  SessionStream& stream;
  std::int64_t since_ms = 0;  // UTC
  // Of the connection that carries it; new where another one resumes it (XEP-0198 §5).
  Language language = Language::english;
  std::string peer_address;
  std::uint16_t peer_port = 0;
  std::string_view tls_version;
  std::string_view tls_cipher;
  std::string_view mechanism;
  std::string client;               // the id of its user agent (XEP-0388 §2.3); empty: it has not said one
  std::vector<std::string> tags;    // that rules gave it at log-in and bind
  Ref<const audit::Origin> origin;  // who acts, in each of its records

  // Home shard only.
  bool available = false;     // has sent initial presence, no unavailable since
  bool wants_roster = false;  // has asked for the roster: gets pushes ("interested", RFC 6121 §2.2)
  std::int8_t priority = 0;
  StanzaPtr presence;  // the last available presence, `to` left out
  Requests requests;   // of the server to this client
  Outlet* outlet = nullptr;

  template <class T>
  [[nodiscard]] T* part(unsigned slot) const {
    return slot < parts_.size() ? static_cast<T*>(parts_[slot].get()) : nullptr;
  }
  template <class T>
  T& ensure_part(unsigned slot) {
    if (slot >= parts_.size()) parts_.resize(slot + 1);
    if (!parts_[slot]) parts_[slot] = std::make_unique<T>();
    return static_cast<T&>(*parts_[slot]);
  }

 private:
  std::vector<std::unique_ptr<Part>> parts_;
};

}  // namespace valise::core
