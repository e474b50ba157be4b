// The service that modules/offline publishes: what waits may reach its owner another way.
#pragma once

#include <cstdint>
#include <vector>

#include "core/account.hpp"

namespace valise::modules {

class OfflineMessages {
 public:
  // A device of the account, which is in memory, has these messages from the archive: those among them that wait do so
  // no longer.
  virtual void shown(core::Account& account, const std::vector<std::uint64_t>& ids) = 0;

 protected:
  ~OfflineMessages() = default;
};

}  // namespace valise::modules
