#include "core/audit/verify.hpp"

#include <fcntl.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <ctime>

#include <fmt/core.h>

#include "base/crypto.hpp"

namespace valise::core::audit {
namespace {

using Found = SegmentWalker::Found;
using LeafState = SegmentWalker::LeafState;

// One pass over the log; stops at the first thing that is wrong.
class Verifier {
 public:
  Verifier(std::string folder, std::optional<Head> head, const std::optional<Note>& known)
      : folder_(std::move(folder)), head_(std::move(head)), known_(known) {
    result_.head_size = head_ ? head_->size : 0;
  }

  Result<Verification> run(const std::vector<std::uint64_t>& firsts) {
    for (std::size_t i = 0; i < firsts.size() && result_.ok(); ++i) {
      file_ = records_name(firsts[i]);
      if (firsts[i] != next_) {
        bad(next_, fmt::format("entry {} is missing: this segment begins with entry {}", next_, firsts[i]));
        break;
      }
      if (auto done = walk(firsts[i], i + 1 == firsts.size()); !done) return std::unexpected(done.error());
    }
    if (result_.ok()) finish();
    result_.chain = chain_;
    return result_;
  }

 private:
  Result<> walk(std::uint64_t first, bool last) {
    auto walker = SegmentWalker::open(folder_, first, chain_, result_.head_size);
    if (!walker) {
      if (walker.error().code != ErrorCode::corrupt) return std::unexpected(walker.error());
      bad(first, walker.error().text);
      return {};
    }
    ++result_.segments;
    while (true) {
      const auto step = walker->next();
      if (!step) return std::unexpected(step.error());
      if (step->found == Found::end) return {};
      if (step->found == Found::damaged || (step->found == Found::torn && !last)) {
        bad(next_, step->reason);
        return {};
      }
      if (step->found == Found::torn) return count_torn(walker->offset());
      if (step->leaf_state == LeafState::unusable) {
        bad(next_, fmt::format("the leaf of entry {} is altered, or a power cut spoilt it before it was synced: "
                               "opening the log would derive it again",
                               next_));
        return {};
      }
      if (step->leaf_state == LeafState::absent) ++result_.leaves_missing;
      count(step->entry, walker->chain());
      if (!result_.ok()) return {};
    }
  }

  void count(const Entry& entry, const Digest& chain) {
    if (head_ && head_->size == next_ + 1 && (head_->chain != chain || head_->time_ns != entry.time_ns)) {
      file_ = "head";
      return bad(next_, fmt::format("entry {} is not the one that the head was made of", next_));
    }
    // Told only of a log that is sound to its end (finish): damage has a place, this has none.
    if (known_ && known_->size == next_ + 1 && known_->chain != chain) rewritten_ = file_;
    if (result_.entries++ == 0) result_.first_time_ns = entry.time_ns;
    result_.last_time_ns = entry.time_ns;
    if (entry.erased && result_.erased++ == 0) first_erased_ = {next_, file_, {}, false};
    chain_ = chain;
    ++next_;
  }

  Result<> count_torn(std::uint64_t offset) {
    const auto file = File::open(folder_ + "/" + file_, O_RDONLY);
    if (!file) return std::unexpected(file.error());
    const auto size = file->size();
    if (!size) return std::unexpected(size.error());
    result_.torn_bytes = *size - std::min(*size, offset);
    return {};
  }

  void finish() {
    if (next_ < result_.head_size) {
      bad(next_, fmt::format("the log ends before entry {}; the head covers {} entries", next_, result_.head_size));
    } else if (!head_ && next_ != 0) {
      file_ = "head";
      bad(0, "the head is missing");
    } else if (head_ && head_->size == 0 && (head_->chain != Digest{} || head_->time_ns != 0)) {
      file_ = "head";
      bad(0, "the head covers no entry, but does not begin at zero");
    } else if (result_.erased > 0) {
      file_ = first_erased_.file;
      bad(first_erased_.seq,
          fmt::format("the record of entry {} is erased, and of {} in all; nothing may erase records yet",
                      first_erased_.seq, result_.erased));
    } else if (known_ && next_ < known_->size) {
      bad(next_, fmt::format("the log ends before entry {}; {} entries were noted", next_, known_->size));
      result_.bad->only_not_noted = true;
    } else if (!rewritten_.empty()) {
      file_ = rewritten_;
      const auto last = known_->size - 1;
      bad(last, fmt::format("the log was rewritten: up to entry {} it is not the one that was noted", last));
      result_.bad->only_not_noted = true;
    }
  }

  void bad(std::uint64_t seq, std::string reason) {
    result_.bad = Verification::Bad{seq, file_, std::move(reason), false};
  }

  std::string folder_;
  std::optional<Head> head_;
  const std::optional<Note>& known_;
  Verification result_;
  Verification::Bad first_erased_;
  std::string file_;
  std::string rewritten_;  // the file where the log stopped being the one that was noted; empty: it is
  std::uint64_t next_ = 0;
  Digest chain_{};
};

}  // namespace

std::optional<Note> parse_note(std::string_view text) {
  Note note;
  const auto colon = text.find(':');
  if (colon == std::string_view::npos) return std::nullopt;
  const auto size = text.substr(0, colon);
  const auto parsed = std::from_chars(size.data(), size.data() + size.size(), note.size);
  const auto chain = crypto::hex_decode(text.substr(colon + 1));
  if (size.empty() || parsed.ec != std::errc() || parsed.ptr != size.data() + size.size()) return std::nullopt;
  if (!chain || chain->size() != note.chain.size()) return std::nullopt;
  std::ranges::copy(*chain, note.chain.begin());
  return note;
}

std::string note_text(const Note& note) {
  return fmt::format("{}:{}", note.size, crypto::hex_encode(bytes_of(note.chain)));
}

Result<Verification> verify(const std::string& folder, const std::optional<Note>& known) {
  // The head first: what it covers is there by then, and stays.
  const auto head = read_head(folder);
  if (!head && head.error().code == ErrorCode::corrupt) {
    Verification result;
    result.bad = {0, "head", head.error().text, false};
    return result;
  }
  if (!head) return std::unexpected(head.error());
  const auto firsts = list_segments(folder);
  if (!firsts) return std::unexpected(firsts.error());
  if (!*head && firsts->empty()) return fail(ErrorCode::not_found, folder + ": there is no audit log");
  return Verifier(folder, *head, known).run(*firsts);
}

// It stands in the leaf of the last of these entries.
Result<Digest> chain_at(const std::string& folder, std::uint64_t size) {
  Digest chain{};
  if (size == 0) return chain;
  const auto firsts = list_segments(folder);
  if (!firsts) return std::unexpected(firsts.error());
  const auto behind = std::ranges::lower_bound(*firsts, size);
  if (behind == firsts->begin()) return fail(ErrorCode::corrupt, folder + ": the first entries are gone");
  const auto first = *std::prev(behind);
  const auto file = File::open(folder + "/" + leaves_name(first), O_RDONLY);
  if (!file) return std::unexpected(file.error());
  std::string bytes;
  const auto offset = file_header_size + (size - first) * leaf_entry_size - hash_size;
  if (auto done = file->read_at(offset, hash_size, bytes); !done) return std::unexpected(done.error());
  if (bytes.size() != hash_size) return fail(ErrorCode::corrupt, file->path() + ": too short");
  std::memcpy(chain.data(), bytes.data(), hash_size);
  return chain;
}

Result<Cursor> Cursor::open(const std::string& folder, std::uint64_t from_seq) {
  auto firsts = list_segments(folder);
  if (!firsts) return std::unexpected(firsts.error());
  Cursor cursor;
  cursor.folder_ = folder;
  cursor.segments_ = std::move(*firsts);
  cursor.from_seq_ = from_seq;
  const auto after = std::upper_bound(cursor.segments_.begin(), cursor.segments_.end(), from_seq);
  cursor.at_ = after == cursor.segments_.begin() ? 0 : static_cast<std::size_t>(after - cursor.segments_.begin()) - 1;
  return cursor;
}

Result<bool> Cursor::open_segment() {
  if (at_ == segments_.size()) return false;
  auto file = File::open(folder_ + "/" + records_name(segments_[at_++]), O_RDONLY);
  if (!file) return std::unexpected(file.error());
  file_ = std::make_unique<File>(std::move(*file));
  window_ = std::make_unique<Window>(*file_);
  offset_ = file_header_size;
  return true;
}

Result<std::optional<Entry>> Cursor::next() {
  while (true) {
    if (!file_) {
      const auto opened = open_segment();
      if (!opened) return std::unexpected(opened.error());
      if (!*opened) return std::optional<Entry>();
    }
    auto bytes = window_->view(offset_, frame_header_size);
    if (!bytes) return std::unexpected(bytes.error());
    if (bytes->size() < frame_header_size) {  // the end, or a frame that is being written
      file_.reset();
      continue;
    }
    const auto header = parse_frame_header(bytes->data());
    if (!header) return fail(ErrorCode::corrupt, fmt::format("{}: no frame at byte {}", file_->path(), offset_));
    const auto seq = header->seq;
    bytes = window_->view(offset_, frame_header_size + header->length);
    if (!bytes) return std::unexpected(bytes.error());
    if (bytes->size() < frame_header_size + header->length) {
      file_.reset();
      continue;
    }
    offset_ += bytes->size();
    if (seq < from_seq_) continue;
    const auto record = bytes->substr(frame_header_size);
    return Entry{seq, header->batch, header->time_ns, record.front() == '\0', record};
  }
}

void append_json_line(std::string& out, const Entry& entry) {
  const std::int64_t seconds = entry.time_ns / 1'000'000'000;
  const std::time_t time = seconds;
  std::tm parts{};
  gmtime_r(&time, &parts);
  fmt::format_to(std::back_inserter(out), R"({{"seq":{},"time":"{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:09}Z",)",
                 entry.seq, parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min,
                 parts.tm_sec, entry.time_ns - seconds * 1'000'000'000);
  if (entry.erased || !entry.record.starts_with('{')) {
    out.append("\"erased\":true}\n");
    return;
  }
  out.append(entry.record.substr(1));
  out.push_back('\n');
}

}  // namespace valise::core::audit
