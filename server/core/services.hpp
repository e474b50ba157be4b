// Small interfaces between modules: published and found through Shard::publish / Shard::service, on one shard.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/account.hpp"
#include "core/flow.hpp"
#include "core/work_pool.hpp"
#include "storage/types.hpp"
#include "xml/document.hpp"

namespace valise::core {

// Who may see whom (RFC 6121 §2, §3). Published by modules/roster.
class Contacts {
 public:
  // The account must be in memory. Null: no such contact.
  [[nodiscard]] virtual const storage::RosterItem* find(const Account& account,
                                                        std::string_view contact_bare) const = 0;
  virtual void each(const Account& account, const std::function<void(const storage::RosterItem&)>& visit) const = 0;
  // A change of a contact has become durable; null: it was none before, or is none any more.
  using Changed = std::function<void(Account&, std::string_view contact_bare, const storage::RosterItem* before,
                                     const storage::RosterItem* after)>;
  virtual void on_change(Changed listener) = 0;

 protected:
  ~Contacts() = default;
};

// Whom an account neither hears from nor tells anything (XEP-0191). Published by modules/blocking.
class Blocking {
 public:
  // `jid`: normalised, with or without a resource. The account itself and its own server are never blocked. The account
  // must be in memory.
  [[nodiscard]] virtual bool has_blocked(const Account& account, std::string_view jid) const = 0;

 protected:
  ~Blocking() = default;
};
// Without the module nobody is blocked.
[[nodiscard]] inline bool has_blocked(const Blocking* blocking, const Account& account, std::string_view jid) {
  return blocking != nullptr && blocking->has_blocked(account, jid);
}

// What somebody said earlier, and the server kept: what of it may pass now (docs/sealed.md 3.6). Published by
// modules/omemo.
class SealedContent {
 public:
  // `kept`: a message or presence with its sender's address, which nobody else holds. Where content has to be sealed it
  // is written anew by the rules of now, a message by the mode that holds now. A refusal: it may not be shown (messages
  // only).
  [[nodiscard]] virtual Verdict recheck(Stanza& kept) const = 0;

 protected:
  ~SealedContent() = default;
};
// Without the module everything passes.
[[nodiscard]] inline Verdict recheck(const SealedContent* sealed, Stanza& kept) {
  return sealed == nullptr ? nullptr : sealed->recheck(kept);
}

// What a client can do (XEP-0115). Published by modules/caps.
class Capabilities {
 public:
  // Whether its features are known; until its answer comes a session has none.
  [[nodiscard]] virtual bool knows(const Session& session) const = 0;
  [[nodiscard]] virtual bool has_feature(const Session& session, std::string_view feature) const = 0;
  // What its software is called by what it announced last (§4: a URI), at most 512 bytes of its own choice; empty: it
  // has announced nothing. Valid until the session's next presence.
  [[nodiscard]] virtual std::string_view node(const Session& session) const = 0;
  // The features of a session became known or changed.
  virtual void on_change(std::function<void(Session&)> listener) = 0;
  // All features of the session that end in "+notify", without that ending.
  virtual void each_notify(const Session& session, const std::function<void(std::string_view node)>& visit) const = 0;

 protected:
  ~Capabilities() = default;
};

// Presence changes of own sessions, after they were handled. Published by modules/presence.
class PresenceEvents {
 public:
  virtual void on_available(
      std::function<void(Session&, bool first)> listener) = 0;  // `first`: was not available before
  virtual void on_unavailable(std::function<void(Session&)> listener) = 0;
  // Whether `who` may know that the session is there: its own account, a subscriber, or told of it by directed
  // presence.
  [[nodiscard]] virtual bool is_shown_to(const Session& session, const Jid& who) const = 0;

 protected:
  ~PresenceEvents() = default;
};

// When somebody was last there. Published by modules/last_activity.
class LastSeen {
 public:
  // UTC in milliseconds: when the last of its sessions stopped being available or, later, ended. 0: it never was there.
  // The account must be in memory.
  [[nodiscard]] virtual std::int64_t last_seen_ms(const Account& account) const = 0;

 protected:
  ~LastSeen() = default;
};

// Messages that wait for a person in rows (RFC 6121 §8.5.2.2). Published by modules/offline; the account is in memory.
class WaitingRows {
 public:
  // The message of that row waits, durably, or did so since the account came into memory (the newest 128 of those).
  [[nodiscard]] virtual bool has_had(const Account& account, std::uint64_t row) const = 0;
  // A client has acknowledged the message: its row waits no more. `archived`: it is the archive's, and stays.
  virtual void received(Account& account, std::uint64_t row, bool archived) = 0;
  // A session that had messages which wait has ended without them: who is available gets them.
  virtual void look_again(Account& account) = 0;
  // Sends a session what shows it the message of that row of its archive. True: the row waits, and the client says
  // itself when it has it. False: it does not wait, or the client acknowledges nothing; then `shown` tells.
  [[nodiscard]] virtual bool show(Session& session, const StanzaPtr& stanza, std::uint64_t row) = 0;
  // A client has these messages from its archive: those among them that wait do so no longer, unless another session
  // counts on getting them.
  virtual void shown(Session& session, const std::vector<std::uint64_t>& rows) = 0;
  // A copy (XEP-0280) of the message `id`, 0 for one without a place, for a session. True: the session is still to get
  // older messages, and gets the copy in its turn, as long as it lives.
  [[nodiscard]] virtual bool keeps_behind(Session& session, std::uint64_t id, const StanzaPtr& copy) = 0;
  // How many wait.
  [[nodiscard]] virtual std::size_t waiting_for(const Account& account) const = 0;

 protected:
  ~WaitingRows() = default;
};

// What becomes of old messages. Published by modules/archive; accounts are in memory on this shard.
class Archives {
 public:
  struct KeptFor {
    std::uint32_t days = 0;  // 0: for ever
    bool own = false;        // an administrator said so for this account, not for all of its host
    bool by_rule = false;    // a rule says so
    std::string otherwise;   // which messages are archived where no list says so (XEP-0441)
  };
  [[nodiscard]] virtual KeptFor kept_for(const Account& account) const = 0;
  // Nothing: as for all of the host. `done`: when that is durable and in force, or the store's error.
  virtual void keep_for(Account& account, std::optional<std::uint32_t> days, audit::Record record,
                        std::move_only_function<void(Result<>)> done) = 0;
  // Removes what is due, of all accounts; on the first shard. `done`: how many rows were; what waits stays.
  virtual void expire(std::move_only_function<void(Result<std::uint64_t>)> done) = 0;

 protected:
  ~Archives() = default;
};

// What the administrator's rules are asked besides stanzas. Views live as long as the call.
struct RuleQuestion {
  enum class Event : std::uint8_t { login, session, registration, publish, invitation };
  Event event;
  const Jid& who;         // the account; a session's full address; the address that a stranger wants to have
  std::string_view node;  // publish
  std::size_t size = 0;   // publish: bytes of the stanza
  std::uint32_t devices = 0, new_devices = 0;  // publish: of a list of OMEMO devices
  std::uint32_t uses = 0;                      // invitation: so many may come by it
  std::string_view peer_address;
  std::string_view mechanism;
  std::string_view tls_version;  // "TLSv1.3"
  Language language = Language::english;
};

// How fast a session is read; 0: as the configuration says (Settings of these names).
struct Pace {
  std::uint32_t bytes_per_second = 0, burst_bytes = 0, stanzas_per_second = 0, burst_stanzas = 0;
};

struct RuleAnswer {
  Verdict refusal;              // null: allowed. Refusal::silent (Drop): the answer that is due gives no reason
  Pace pace{};                  // session
  bool needs_approval = false;  // publish: a device that is new in it waits for an administrator
};

// Something of a person that is not sealed, before it is refused or let pass. Views live as long as the call.
struct UnsealedQuestion {
  const Stanza& stanza;  // a message, or an iq to another device
  const Sealing& sealing;
  std::string_view reason;          // as in Refusal::reason
  bool arriving = false;            // asked at the recipient
  const Session* sender = nullptr;  // where it is known
  Language language = Language::english;
};
struct UnsealedAnswer {
  Verdict refusal;                    // Deny, Drop, or a rule failed
  std::optional<Sealing::Mode> mode;  // what a rule wants to hold for this one
  std::string rule;                   // which; empty: none decided
};

// A sealed message that a session might send. Views live as long as the call.
struct LabelQuestion {
  const Session& sender;
  const Jid& to;           // a person, or the domain: nobody in particular
  std::string_view label;  // its short name; empty: without one
};

// The administrator's rules. Published by modules/policy.
class Rules {
 public:
  // `tags`: those that the session carries so far; get what rules added.
  [[nodiscard]] virtual RuleAnswer ask(const RuleQuestion& question, std::vector<std::string>& tags) = 0;
  // Whether any rule is about what is not sealed.
  [[nodiscard]] virtual bool ask_about_unsealed(bool arriving) const = 0;
  // `tags` as above.
  [[nodiscard]] virtual UnsealedAnswer ask(const UnsealedQuestion& question, std::vector<std::string>& tags) = 0;
  // Whether it would go on now, as far as that hangs on what is known here: the message itself is asked about again.
  // Counts nothing.
  [[nodiscard]] virtual bool would_pass(const LabelQuestion& question) = 0;
  // How many days the archive of that account (bare JID) keeps messages, 0: for ever. Nothing: no rule says so.
  [[nodiscard]] virtual std::optional<std::uint32_t> keep_days(const Jid& account) = 0;
  // Whether a rule may say so of anybody; then the fewest days of all that one names, 0: none but for ever.
  [[nodiscard]] virtual std::optional<std::uint32_t> fewest_keep_days() const = 0;

 protected:
  ~Rules() = default;
};

// What changes more than an account's row (core/account_change.hpp), whoever asks for it. Published by
// modules/registration; the account is in memory on this shard and exists, callbacks run here.
class Registration {
 public:
  // A new password. The other sessions than that with the id `keep` end if the configuration says so. `done` as in
  // change_account, before they end.
  virtual void set_keys(Account& account, std::vector<storage::ScramKey> keys, audit::Record record, std::uint64_t keep,
                        std::move_only_function<void(Result<>)> done) = 0;
  // Removes it with all that it owns. `removed`: ok when it is gone for good, before its sessions end; otherwise
  // nothing happened, and that is all. `wiped`: its contacts know and its rows are gone; or (false) that is done later,
  // at the latest behind the next start.
  virtual void remove(Account& account, audit::Record record, std::move_only_function<void(Result<>)> removed,
                      std::move_only_function<void(bool)> wiped) = 0;

 protected:
  ~Registration() = default;
};

// A log-in of a client that says which one it is (XEP-0388 §2.3).
struct ClientLogin {
  enum class Method : std::uint8_t { password, token, certificate };
  std::string id;                // of the user agent: a UUID, lower case
  std::string software, device;  // what it calls itself; may be empty
  Method method = Method::password;
  std::string nonce;                   // token: which one (auth::Token)
  std::optional<std::uint32_t> count;  // token: of the attempt (XEP-0484 §3.4)
  bool invalidate = false;             // token: it shall not work again (§3.6)
  std::string_view wants_token;        // a mechanism's name: it asks for one; empty: it does not
};
struct GivenToken {
  std::string token;
  std::int64_t expires_ms = 0;  // UTC
};
// One client of an account, as its owner and administrators see it (XEP-0494 §3.1).
struct ClientLine {
  enum class State : std::uint8_t { away, cut, connected };  // cut: it has sessions, all of which wait to be resumed
  std::string id;                                            // opaque: not the user agent's
  State state = State::away;
  bool session = false;                           // it has had one
  std::vector<std::string> resources, addresses;  // of its sessions, in one order
  // UTC. The last: of its log-in or resumption; once its connection has ended, of that.
  std::int64_t first_ms = 0, last_ms = 0;
  bool password = false, token = false, certificate = false;  // what it can log in with
  std::string software, device;
};
// The clients of accounts and their tokens. Published by modules/clients; accounts are in memory on this shard and
// exist, callbacks run here.
class Clients {
 public:
  // Whether this server gives tokens (XEP-0484).
  [[nodiscard]] virtual bool gives_tokens() const = 0;
  // A client has logged in, and is about to be told. `done`: the token that it gets, if any, is durable. Fails with
  // `not_found` where the token that it used was taken back or used up meanwhile; else with the store's error.
  virtual void logged_in(Account& account, ClientLogin login,
                         std::move_only_function<void(Result<std::optional<GivenToken>>)> done) = 0;
  // The keys of the account's password change, not the password: what was given under one fingerprint holds under the
  // other. The writes belong into the unit of the change; where that fails, it is called again the other way round.
  [[nodiscard]] virtual std::vector<storage::Write> keys_changed(Account& account, std::uint64_t from,
                                                                 std::uint64_t to) = 0;
  [[nodiscard]] virtual std::vector<ClientLine> clients(const Account& account) const = 0;
  // Ends the client's sessions and takes its tokens back. `done`: that is durable; true: it still knows the account's
  // password, so that only a new one keeps it out. Fails with `not_found`, or with the store's error.
  virtual void revoke(Account& account, const std::string& id, audit::Record record,
                      std::move_only_function<void(Result<bool>)> done) = 0;
  // Something else that a client was given goes with it. One of the two is empty: `agent`, the user agent's id, or
  // `resource`, that of a session which has not said one.
  using Revoked = std::function<void(Account&, std::string_view agent, std::string_view resource)>;
  virtual void on_revoked(Revoked listener) = 0;

 protected:
  ~Clients() = default;
};

// Somebody who has not logged in, on an encrypted stream to one of our hosts. Lives as long as the call.
class Stranger {
 public:
  [[nodiscard]] virtual const std::string& host() const = 0;
  [[nodiscard]] virtual Language language() const = 0;
  [[nodiscard]] virtual std::string source() const = 0;  // "192.0.2.1:5", for records
  // For whom the server works when it computes something for him.
  [[nodiscard]] virtual Share share() const = 0;
  // Whether his network may have one more account this hour; it counts, unless the server then has no room for it.
  [[nodiscard]] virtual bool may_register() = 0;
  virtual void could_not_register() = 0;
  // What the rules say to an account of that name; a denial is recorded.
  [[nodiscard]] virtual Verdict ask_rules(const Jid& wanted) = 0;
  // Sends XML to him from any shard, as long as he is there and has not logged in.
  [[nodiscard]] virtual std::function<void(std::string)> answer() = 0;

 protected:
  ~Stranger() = default;
};
// Published by modules/registration.
class StrangerRequests {
 public:
  // An <iq/> of a stranger. False: it is none that a stranger may send to this host.
  [[nodiscard]] virtual bool take(xml::Element iq, Stranger& stranger) = 0;

 protected:
  ~StrangerRequests() = default;
};

}  // namespace valise::core
