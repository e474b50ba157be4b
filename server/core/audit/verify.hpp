// Reads an audit log from outside: checks it, or prints it. Opens the files for reading only and takes no lock, so a
// running server's log can be read; what is being written just then shows as a torn end or as leaves not yet written.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/audit/segment.hpp"

namespace valise::core::audit {

struct Verification {
  struct Bad {
    std::uint64_t seq = 0;  // first entry that is not what it was
    std::string file;       // records file of its segment, or "head"
    std::string reason;
    bool only_not_noted = false;  // every byte fits the others, but it is not the log that was noted
  };
  std::optional<Bad> bad;     // nothing: sound
  std::uint64_t entries = 0;  // checked and good, erased ones included
  std::uint64_t erased = 0;   // nonce and record overwritten with zero bytes; their leaves stand
  std::uint64_t segments = 0;
  std::int64_t first_time_ns = 0;  // 0 without entries
  std::int64_t last_time_ns = 0;
  std::uint64_t head_size = 0;       // entries that the head covers
  Digest chain{};                    // after the last good entry: two readers of one log compare this
  std::uint64_t leaves_missing = 0;  // above the head, not yet written: opening the log derives them
  std::uint64_t torn_bytes = 0;      // end of a write that nobody was told of: opening the log cuts it off

  [[nodiscard]] bool ok() const noexcept { return !bad.has_value(); }
};

// What somebody noted of this log before, and keeps elsewhere: its chain value after so many entries. It is what shows
// a log that was cut, or rewritten as a whole, with its head.
struct Note {
  std::uint64_t size = 0;
  Digest chain{};
};
// "SIZE:CHAIN", decimal and 64 hexadecimal digits, as valisectl prints it.
[[nodiscard]] std::optional<Note> parse_note(std::string_view text);
[[nodiscard]] std::string note_text(const Note& note);

// Checks every byte of the log, and that it continues what was noted. Nothing in this version erases records: erased
// ones are `bad`. Errors: not_found (also a folder without any file of a log), unavailable (not readable); an altered
// log is no error but `bad`.
[[nodiscard]] Result<Verification> verify(const std::string& folder, const std::optional<Note>& known = std::nullopt);

// The chain value after that many entries; with it, a note of them. Checks nothing. Errors: corrupt (there are not so
// many), not_found, unavailable.
[[nodiscard]] Result<Digest> chain_at(const std::string& folder, std::uint64_t size);

// Goes through the records without checking them against leaves (verify does). Reads segments `from_segment` and after.
class Cursor {
 public:
  // `from_seq`: the first entry wanted; it or the next one that exists. Errors: not_found, unavailable.
  static Result<Cursor> open(const std::string& folder, std::uint64_t from_seq = 0);
  // The next entry, nothing at the end. Its record is valid until the next call. Errors: corrupt (no frame where one
  // belongs and more follows), unavailable.
  Result<std::optional<Entry>> next();

 private:
  Cursor() = default;
  Result<bool> open_segment();

  std::string folder_;
  std::vector<std::uint64_t> segments_;  // still to come, ascending from `at_`
  std::size_t at_ = 0;
  std::unique_ptr<File> file_;
  std::unique_ptr<Window> window_;
  std::uint64_t offset_ = 0;
  std::uint64_t from_seq_ = 0;
};

// Appends one JSON Lines line: `{"seq":…,"time":"2026-11-24T14:30:02.123456789Z",` and the record's members; of an
// erased entry `"erased":true`. Ends with a newline.
void append_json_line(std::string& out, const Entry& entry);

}  // namespace valise::core::audit
