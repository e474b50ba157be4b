// Messages that a rule holds back (Delay) until their time.
#pragma once

#include <functional>
#include <string>

#include "base/error.hpp"
#include "core/jid/jid.hpp"
#include "core/module.hpp"

namespace valise::modules {

[[nodiscard]] const core::Manifest& delay_manifest();

// What an administrator may do with them. On the first shard.
class HeldMessages {
 public:
  // All that is held back for the account is due now; they are given to it a moment later. `done` (here): a record and
  // the change are durable.
  virtual void release(const core::Jid& account, std::move_only_function<void(Result<>)> done) = 0;
  // UTC, of the first that is due; 0: nothing is held back, as far as is known.
  [[nodiscard]] virtual std::int64_t next_due_ms() const = 0;

 protected:
  ~HeldMessages() = default;
};

}  // namespace valise::modules
