// Small interfaces between modules: published and found through Shard::publish / Shard::service, on one shard.
#pragma once

#include <functional>
#include <string_view>

#include "core/account.hpp"
#include "core/flow.hpp"
#include "storage/types.hpp"

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

// What a client can do (XEP-0115). Published by modules/caps.
class Capabilities {
 public:
  [[nodiscard]] virtual bool has_feature(const Session& session, std::string_view feature) const = 0;
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

 protected:
  ~PresenceEvents() = default;
};

// What the administrator's rules are asked besides stanzas. Views live as long as the call.
struct RuleQuestion {
  enum class Event : std::uint8_t { login, session, registration, publish };
  Event event;
  const Jid& who;         // the account; a session's full address; the address that a stranger wants to have
  std::string_view node;  // publish
  std::size_t size = 0;   // publish: bytes of the stanza
  std::string_view peer_address;
  std::string_view mechanism;
  std::string_view tls_version;  // "TLSv1.3"
  Language language = Language::english;
};

// One rule as `valisectl policy list` shows it.
struct RuleLine {
  std::string name;
  unsigned line = 0;
  std::string match;
  std::string action;
  bool shadow = false;
  std::uint64_t hits = 0;
  std::uint64_t errors = 0;
};
// The administrator's rules. Published by modules/policy.
class Rules {
 public:
  // Null: allowed; `tags` are those that the session carries so far, and get what rules added. Refusal::silent (Drop):
  // the answer that is due gives no reason.
  [[nodiscard]] virtual Verdict ask(const RuleQuestion& question, std::vector<std::string>& tags) = 0;
  [[nodiscard]] virtual std::vector<RuleLine> rules() const = 0;

 protected:
  ~Rules() = default;
};

}  // namespace valise::core
