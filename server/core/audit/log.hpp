// The writer of the metadata audit log (format.hpp). One thread owns it; one process owns the folder.
//
// Durability: append() returns when the whole batch is durable. A write or sync that failed poisons the object: nothing
// more can be written through it (a failed fdatasync may have dropped what it could not write). Close it and open the
// log again with `cut_to` = durable_size(): what was never reported durable is cut off, and the tail that was is
// written once more.
//
// What is detected, and what is not: every alteration of entries below the head (replaced each `settle_ms` while
// entries come, and at close), and every alteration above it that does not rewrite records, leaves and chain alike.
// Who can write to the folder can cut entries off above the head, or rewrite all files: signed checkpoints and outside
// witnesses are what will end that.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "base/error.hpp"
#include "core/audit/file.hpp"
#include "core/audit/format.hpp"
#include "core/audit/record.hpp"

namespace valise::core::audit {

struct LogOptions {
  std::string folder;                       // made with mode 0700 if it is missing; its parent must exist
  std::uint64_t segment_bytes = 64u << 20;  // a new segment begins with the batch behind that many of records,
  std::uint64_t segment_entries = 262'144;  // or so many entries
  std::int64_t settle_ms = 1'000;           // how old unsynced leaves and head may become
};

// What open() had to mend. All of it is what a crash leaves behind, none of it was ever reported durable.
struct LogRepairs {
  std::uint64_t torn_bytes = 0;       // cut off the end of the records
  std::uint64_t leaves_written = 0;   // leaves derived again
  std::uint64_t leaves_replaced = 0;  // of these, how many stood there unreadable
};

class Log {
 public:
  // Opens or creates the log and mends what a crash left. Checks the last segment wholly, the others by size only
  // (verify() checks all). `cut_to`: see above. Errors: corrupt (altered; the text names the entry and how), conflict
  // (another process has it open), unavailable (the disk).
  static Result<std::unique_ptr<Log>> open(LogOptions options, std::optional<std::uint64_t> cut_to = std::nullopt);
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;
  ~Log();  // settles, unless poisoned

  // Writes the records as one batch, in order, durable when it returns. Errors: unavailable; the log is then poisoned
  // and none of the batch counts.
  Result<> append(std::span<const Record* const> records);

  // Syncs the leaves and replaces the head. Errors: unavailable, poisons.
  Result<> settle();
  [[nodiscard]] bool unsettled() const noexcept { return head_size_ != size_; }
  // steady_ms() at which settle() is due; meaningful while unsettled().
  [[nodiscard]] std::int64_t settle_due_ms() const noexcept { return settle_due_ms_; }

  [[nodiscard]] std::uint64_t durable_size() const noexcept { return size_; }  // entries, erased ones included
  [[nodiscard]] const Digest& chain() const noexcept { return chain_; }
  // The chain value after that many entries, at most durable_size(). Errors: corrupt, unavailable.
  [[nodiscard]] Result<Digest> chain_at(std::uint64_t size) const;
  [[nodiscard]] bool poisoned() const noexcept { return poisoned_; }
  [[nodiscard]] const LogRepairs& repairs() const noexcept { return repairs_; }
  [[nodiscard]] const LogOptions& options() const noexcept { return options_; }

 private:
  explicit Log(LogOptions options) : options_(std::move(options)) {}
  Result<> start(std::optional<std::uint64_t> cut_to);
  Result<> check_older_segments(std::span<const std::uint64_t> firsts) const;
  Result<> mend(std::uint64_t first, const Digest& chain_before, std::uint64_t head_size,
                const std::optional<Head>& head, std::optional<std::uint64_t> cut_to);
  Result<> write_missing_leaves(std::uint64_t from, std::string_view bytes);
  Result<> write_last_batch_again(std::uint64_t offset);
  Result<> create_segment();
  Result<> rotate();
  Result<> write_head();
  void encode(std::span<const Record* const> records);
  Result<> write_batch();
  Result<> poison(Result<> failure);

  // Fixed after open.
  LogOptions options_;
  File folder_lock_;
  LogRepairs repairs_;

  // The owner's thread.
  File records_;
  File leaves_;
  Hasher hasher_;
  std::uint64_t first_ = 0;           // of the segment
  std::uint64_t records_offset_ = 0;  // where the next frame goes
  std::uint64_t size_ = 0;
  std::uint64_t head_size_ = 0;
  std::int64_t last_time_ns_ = 0;
  std::int64_t settle_due_ms_ = 0;
  Digest chain_{};
  bool poisoned_ = false;
  // Kept from batch to batch for their memory.
  std::string frames_;
  std::string leaf_entries_;
  std::string nonces_;
  Digest next_chain_{};
};

}  // namespace valise::core::audit
