// The service that modules/presence publishes for modules/avatars: what sessions said of themselves, said again.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "core/account.hpp"

namespace valise::modules {

class PresenceRepetition {
 public:
  // The last available presence of each of the account's sessions for which `change` gives other children goes out
  // again with them, to whom a broadcast goes (RFC 6121 §4.4.2), and is what probes are answered with. Each is
  // recorded.
  using Change = std::function<std::optional<std::string>(const core::Session& session, const core::Stanza& last)>;
  virtual void repeat(core::Account& account, const Change& change) = 0;

 protected:
  ~PresenceRepetition() = default;
};

}  // namespace valise::modules
