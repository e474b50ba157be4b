// The service that modules/roster publishes for subscription stanzas (RFC 6121 §3); modules/presence, which owns all
// presence, hands them over.
#pragma once

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

 protected:
  ~Subscriptions() = default;
};

}  // namespace valise::modules
