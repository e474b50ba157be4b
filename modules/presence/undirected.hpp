// The service that modules/presence publishes for modules/blocking: what was told by name ends by name.
#pragma once

#include <functional>

#include "core/account.hpp"

namespace valise::modules {

class DirectedPresence {
 public:
  // Whom `which` names of those that the account's sessions sent directed presence to (RFC 6121 §4.6) hears that they
  // are gone, and is forgotten.
  virtual void undirect(core::Account& account, const std::function<bool(const core::Jid&)>& which) = 0;

 protected:
  ~DirectedPresence() = default;
};

}  // namespace valise::modules
