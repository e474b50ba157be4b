// The service that modules/roster publishes for subscription stanzas (RFC 6121 §3); modules/presence, which owns all
// presence, hands them over.
#pragma once

#include <functional>

#include "core/flow.hpp"

namespace valise::modules {

class Subscriptions {
 public:
  // One of our sessions sent subscribe, subscribed, unsubscribe or unsubscribed. Record and ack are the callee's.
  virtual void outbound(core::Session& session, core::Flow flow) = 0;
  // One of these arrived for a local account that exists. The ack is the callee's.
  virtual void inbound(core::Flow flow) = 0;
  // Tells `contact`, who may know it, what the account's available resources say, or that they are gone.
  virtual void show(core::Account& account, const core::Jid& contact, bool available) = 0;
  // How many requests of others wait for an answer.
  [[nodiscard]] virtual std::size_t pending(const core::Account& account) const = 0;
  // By an invitation, each in the name of the account, which is in memory and exists; `then` runs here, false if it is
  // not durable or the contact list is full. May be done again.
  // The two see each other from now on, as far as this side goes; a new contact comes into these groups.
  virtual void befriend(core::Account& account, const core::Jid& contact, const std::vector<std::string>& groups,
                        std::move_only_function<void(bool durable)> then) = 0;
  // XEP-0379 §3.5: the contact asked; he may subscribe, and is asked in return.
  virtual void accept(core::Account& account, const core::Jid& contact,
                      std::move_only_function<void(bool durable)> then) = 0;
  // The contact no longer sees the account, which is in memory and exists, as if its user had said "unsubscribed"
  // (§3.2); a request of his that waits is refused. `rule`: the policy's, for the record. Nothing, if he does not see
  // it.
  virtual void cancel(core::Account& account, const core::Jid& contact, std::string_view rule) = 0;
  // The account, which is in memory and gone, was removed: each contact's side of the subscriptions and of open
  // requests ends (§2.5.2), as if "unsubscribe" and "unsubscribed" had come. `then` runs when all of them are durable,
  // or, false, when some are not. May be done again.
  virtual void end_all(const core::Account& account, std::move_only_function<void(bool durable)> then) = 0;

 protected:
  ~Subscriptions() = default;
};

}  // namespace valise::modules
