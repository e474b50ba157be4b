// Walks through one segment and checks every byte of it against the format (format.hpp). Both that open a log and
// that verify one stand on it; only what they do with a torn end differs.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "core/audit/file.hpp"
#include "core/audit/format.hpp"
#include "core/audit/record.hpp"

namespace valise::core::audit {

struct Entry {
  std::uint64_t seq = 0;
  std::uint64_t batch = 0;
  std::int64_t time_ns = 0;
  bool erased = false;
  std::string_view record;  // the encoded record; zero bytes if erased
};

class SegmentWalker {
 public:
  enum class Found : std::uint8_t {
    entry,
    end,      // the records file ends here, cleanly
    torn,     // what follows is the torn end of a write that nobody was told of
    damaged,  // the log was altered; `reason` says how
  };
  enum class LeafState : std::uint8_t {
    match,
    absent,    // not written yet: entries above the head only
    unusable,  // fails its chain, above the head: a power cut may do that, and so may a hand
  };
  struct Step {
    Found found = Found::end;
    Entry entry;  // of Found::entry; its record is valid until the next call
    Leaf leaf{};
    LeafState leaf_state = LeafState::match;
    std::string reason;
  };

  // Opens segment `first`, whose chain begins with `chain_before`. `head_size`: entries that the head covers.
  // Errors: corrupt (a file's header says otherwise), not_found, unavailable.
  static Result<SegmentWalker> open(const std::string& folder, std::uint64_t first, const Digest& chain_before,
                                    std::uint64_t head_size);

  // The next entry. After anything but Found::entry the walk is over. Errors: unavailable.
  Result<Step> next();

  [[nodiscard]] std::uint64_t next_seq() const noexcept { return next_; }
  [[nodiscard]] const Digest& chain() const noexcept { return chain_; }                // after all entries walked
  [[nodiscard]] std::uint64_t offset() const noexcept { return offset_; }              // of the next frame
  [[nodiscard]] std::uint64_t batch_offset() const noexcept { return batch_offset_; }  // where the last batch begins

 private:
  struct StoredLeaf {
    Leaf leaf{};
    Digest hash{};
    Digest chain{};
    bool present = false;
    bool sound = false;  // follows from the chain so far: a genuine leaf of a durable record
  };
  SegmentWalker() = default;
  Result<StoredLeaf> stored_leaf();
  Result<Step> broken(std::string reason, const StoredLeaf& stored);
  Result<bool> later_batch_exists();
  Step accept(const FrameHeader& header, Step step, const StoredLeaf& stored, const Digest& hash);

  std::unique_ptr<File> records_;
  std::unique_ptr<File> leaves_;  // null: no such file
  std::unique_ptr<Window> records_window_;
  std::unique_ptr<Window> leaves_window_;
  Hasher hasher_;
  std::uint64_t first_ = 0;
  std::uint64_t next_ = 0;
  std::uint64_t batch_ = 0;
  std::uint64_t head_size_ = 0;
  std::uint64_t offset_ = file_header_size;
  std::uint64_t batch_offset_ = file_header_size;
  Digest chain_{};
};

}  // namespace valise::core::audit
