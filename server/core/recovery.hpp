// After a start: makes audit log and store agree again ("The life of a unit", step 7). Only the batch that was under
// way when the server ended can be half there: one batch is begun after the other is known.
#pragma once

#include <cstdint>

#include "base/error.hpp"
#include "core/audit/log.hpp"
#include "storage/store.hpp"

namespace valise::core {

struct RecoveryOptions {
  // The administrator knows that store and log do not belong together (one of them was restored, removed or switched
  // off for a while): note it in the log and go on. Otherwise that is refused: what was acknowledged or recorded is
  // missing.
  bool accept_gap = false;
};

struct Recovery {
  std::uint64_t last_id = 0;    // greatest id ever used: CommitterOptions::last_id
  std::uint64_t voided = 0;     // records whose rows never became durable
  std::uint64_t recovered = 0;  // messages whose record was missing
};

// Call before the committer starts. `log` null: the log is off. Relies on Reader::greatest_id being the greatest id of
// any committed set, rows that are gone included. May be run again after a crash of its own.
// Errors: corrupt (the store lacks more than one batch that the log holds), unavailable.
Result<Recovery> recover(audit::Log* log, storage::Reader& reader, RecoveryOptions options = {});

}  // namespace valise::core
