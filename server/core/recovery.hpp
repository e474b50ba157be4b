// After a start: makes audit log and store agree again ("The life of a unit", step 6). Only the batch that was under
// way when the server ended can be half there: one batch is begun after the other is known.
//
// Whether they belong together the store knows: with each batch it keeps how far the log was durable before, and its
// chain value there (storage::LogMark). A crash never makes the log shorter than that, and no other log leads there.
#pragma once

#include <cstdint>

#include "base/error.hpp"
#include "core/audit/log.hpp"
#include "core/store_thread.hpp"
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
// any committed set, rows that are gone included. May be run again after a crash of its own. `open_writer` is asked
// where a gap was accepted: from then on the store belongs to this log.
// Errors: corrupt (a gap that no crash leaves: one of the two lacks more than a batch, or they do not belong together),
// unavailable.
Result<Recovery> recover(audit::Log* log, storage::Reader& reader, const StoreThread::OpenWriter& open_writer,
                         RecoveryOptions options = {});

}  // namespace valise::core
