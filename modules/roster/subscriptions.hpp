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
  // The account, which is in memory and gone, was removed: each contact's side of the subscriptions and of open
  // requests ends (§2.5.2), as if "unsubscribe" and "unsubscribed" had come. `then` runs when all of them are durable,
  // or, false, when some are not. May be done again.
  virtual void end_all(const core::Account& account, std::move_only_function<void(bool durable)> then) = 0;

 protected:
  ~Subscriptions() = default;
};

}  // namespace valise::modules
