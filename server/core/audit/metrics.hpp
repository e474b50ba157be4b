// Counters of the commit path. Written by the committer's threads, read by anybody; each is exact by itself, together
// they are no snapshot.
#pragma once

#include <atomic>
#include <cstdint>

namespace valise::core {

struct CommitStats {
  using Counter = std::atomic<std::uint64_t>;
  Counter units{0};            // completed, well or not, and those that nobody waited for
  Counter failed{0};           // of these, how many are not durable
  Counter unwaited_failed{0};  // of these, how many nobody waited for: presence and such without a record
  Counter refused{0};          // not taken by submit: a bound was reached
  Counter batches{0};
  Counter max_batch{0};      // units
  Counter store_batches{0};  // batches with rows
  Counter store_retries{0};  // commits tried again because the store was away or did not answer
  Counter store_single{0};   // units written alone because their batch could not be
  Counter log_failures{0};   // appends that failed, and openings after that
  Counter log_reopens{0};
  Counter voids{0};    // records taken back because their rows could not be written
  Counter busy_us{0};  // from the start of a batch to its completion, summed
  Counter max_busy_us{0};
  Counter waiting{0};  // units taken and not completed, now
};

}  // namespace valise::core
