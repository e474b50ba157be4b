// The service that modules/roster publishes for subscription stanzas (RFC 6121 §3); modules/presence, which owns all
// presence, hands them over.
#pragma once

#include "core/account.hpp"

namespace valise::modules {

class Subscriptions {
 public:
  // One of our sessions sent subscribe, subscribed, unsubscribe or unsubscribed.
  virtual void outbound(core::Session& session, core::StanzaPtr stanza) = 0;
  // One of these arrived for a local account that exists.
  virtual void inbound(core::Account& account, core::StanzaPtr stanza) = 0;

 protected:
  ~Subscriptions() = default;
};

}  // namespace valise::modules
