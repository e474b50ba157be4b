#include "core/audit/log.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <fmt/core.h>

#include "base/clock.hpp"
#include "base/crypto.hpp"
#include "base/release.hpp"
#include "core/audit/segment.hpp"
#include "core/audit/verify.hpp"

namespace valise::core::audit {
namespace {

// A batch larger than this gives its buffers back.
constexpr std::size_t kept_bytes = std::size_t{4} << 20;

Result<File> lock_folder(const std::string& path) {
  if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) {
    return fail(ErrorCode::unavailable, path + ": mkdir: " + std::strerror(errno));
  }
  auto folder = File::open(path, O_RDONLY | O_DIRECTORY);
  if (!folder) return folder;
  if (::flock(folder->fd(), LOCK_EX | LOCK_NB) != 0) {
    return fail(ErrorCode::conflict, path + ": another process has this audit log open");
  }
  return folder;
}

}  // namespace

Result<std::unique_ptr<Log>> Log::open(LogOptions options, std::optional<std::uint64_t> cut_to) {
  std::unique_ptr<Log> log(new Log(std::move(options)));
  log->poisoned_ = true;  // until it is known to be sound: an error on the way must not settle
  if (auto done = log->start(cut_to); !done) return std::unexpected(done.error());
  log->poisoned_ = false;
  return log;
}

Log::~Log() {
  if (!poisoned_ && unsettled()) static_cast<void>(settle());
}

Result<> Log::start(std::optional<std::uint64_t> cut_to) {
  auto lock = lock_folder(options_.folder);
  if (!lock) return std::unexpected(lock.error());
  folder_lock_ = std::move(*lock);
  const auto firsts = list_segments(options_.folder);
  if (!firsts) return std::unexpected(firsts.error());
  const auto head = read_head(options_.folder);
  if (!head) return std::unexpected(head.error());
  const std::uint64_t head_size = *head ? (*head)->size : 0;
  if (firsts->empty()) {
    if (head_size != 0) return fail(ErrorCode::corrupt, options_.folder + ": the records are gone; the head is there");
    if (auto done = create_segment(); !done) return done;
    return replace_file(options_.folder, "head", head_text({}));
  }
  if (auto done = check_older_segments(*firsts); !done) return done;
  const auto chain_before = chain_at(firsts->back());  // in the segment before
  if (!chain_before) return std::unexpected(chain_before.error());
  return mend(firsts->back(), *chain_before, head_size, *head, cut_to);
}

Result<Digest> Log::chain_at(std::uint64_t size) const { return audit::chain_at(options_.folder, size); }

// Sizes and names only: a full check of a long log belongs to verify().
Result<> Log::check_older_segments(std::span<const std::uint64_t> firsts) const {
  if (firsts.front() != 0) {
    return fail(ErrorCode::corrupt, fmt::format("{}: entries 0 to {} are gone", options_.folder, firsts.front() - 1));
  }
  for (std::size_t i = 0; i + 1 < firsts.size(); ++i) {
    const auto leaves = File::open(options_.folder + "/" + leaves_name(firsts[i]), O_RDONLY);
    if (!leaves) return fail(ErrorCode::corrupt, leaves.error().text);
    const auto size = leaves->size();
    if (!size) return std::unexpected(size.error());
    if (*size != file_header_size + (firsts[i + 1] - firsts[i]) * leaf_entry_size) {
      return fail(ErrorCode::corrupt, fmt::format("{}: does not reach from entry {} to entry {}", leaves->path(),
                                                  firsts[i], firsts[i + 1]));
    }
  }
  return {};
}

// Walks through the last segment, then makes the files say what the walk has found.
Result<> Log::mend(std::uint64_t first, const Digest& chain_before, std::uint64_t head_size,
                   const std::optional<Head>& head, std::optional<std::uint64_t> cut_to) {
  auto walker = SegmentWalker::open(options_.folder, first, chain_before, head_size);
  if (!walker) return std::unexpected(walker.error());
  const auto damage = [&](std::string reason) { return fail(ErrorCode::corrupt, options_.folder + ": " + reason); };
  std::string missing_leaves;
  std::uint64_t missing_from = 0;
  bool head_met = head_size == 0;
  if (head && head_size < first) return damage("the head is older than the last segment");
  while (true) {
    if (walker->next_seq() == head_size && head) {
      if (walker->chain() != head->chain) return damage("the chain does not lead to what the head says");
      head_met = true;
    }
    if (cut_to && walker->next_seq() == *cut_to) break;
    auto step = walker->next();
    if (!step) return std::unexpected(step.error());
    if (step->found == SegmentWalker::Found::damaged) return damage(step->reason);
    if (step->found != SegmentWalker::Found::entry) break;
    last_time_ns_ = step->entry.time_ns;
    if (step->leaf_state == SegmentWalker::LeafState::unusable) ++repairs_.leaves_replaced;
    if (step->leaf_state != SegmentWalker::LeafState::match && missing_leaves.empty()) missing_from = step->entry.seq;
    if (step->leaf_state != SegmentWalker::LeafState::match || !missing_leaves.empty()) {
      missing_leaves.append(bytes_of(step->leaf));
      missing_leaves.append(bytes_of(walker->chain()));
      ++repairs_.leaves_written;
    }
  }
  size_ = walker->next_seq();
  if (cut_to && size_ < *cut_to) return damage(fmt::format("ends before entry {}, which was durable", *cut_to - 1));
  if (!head_met) return damage(fmt::format("ends before entry {}, which the head covers", head_size - 1));
  if (!head && size_ != 0) return damage("the head is missing");
  if (size_ == first && head) last_time_ns_ = head->time_ns;
  first_ = first;
  chain_ = walker->chain();
  records_offset_ = walker->offset();
  const auto batch_offset = walker->batch_offset();

  auto records = File::open(options_.folder + "/" + records_name(first), O_RDWR);
  if (!records) return std::unexpected(records.error());
  records_ = std::move(*records);
  const auto bytes = records_.size();
  if (!bytes) return std::unexpected(bytes.error());
  if (*bytes > records_offset_) {
    repairs_.torn_bytes = *bytes - records_offset_;
    if (auto done = records_.truncate(records_offset_); !done) return done;
  }
  if (auto done = write_last_batch_again(batch_offset); !done) return done;
  auto leaves = File::open(options_.folder + "/" + leaves_name(first), O_RDWR | O_CREAT);
  if (!leaves) return std::unexpected(leaves.error());
  leaves_ = std::move(*leaves);
  if (auto done = leaves_.write_at(0, file_header(leaves_magic, {first, chain_before})); !done) return done;
  if (auto done = write_missing_leaves(missing_from, missing_leaves); !done) return done;
  return write_head();
}

Result<> Log::write_missing_leaves(std::uint64_t from, std::string_view bytes) {
  if (!bytes.empty()) {
    const auto offset = file_header_size + (from - first_) * leaf_entry_size;
    if (auto done = leaves_.write_at(offset, bytes); !done) return done;
  }
  return leaves_.truncate(file_header_size + (size_ - first_) * leaf_entry_size);
}

// What the page cache shows after a failed sync, or after a process that died with one, need not be on the disk:
// writing the same bytes once more makes them dirty, and the sync below real. Older batches had their own sync.
Result<> Log::write_last_batch_again(std::uint64_t offset) {
  std::string bytes;
  if (auto done = records_.read_at(offset, records_offset_ - offset, bytes); !done) return done;
  if (auto done = records_.write_at(offset, bytes); !done) return done;
  return records_.sync();
}

// Creates the files of the segment that begins with entry size_. The records file comes last and by rename, so that
// where it is, both are whole.
Result<> Log::create_segment() {
  const auto& folder = options_.folder;
  const FileHeader header{size_, chain_};
  if (auto done = replace_file(folder, leaves_name(size_), file_header(leaves_magic, header)); !done) return done;
  if (auto done = replace_file(folder, records_name(size_), file_header(records_magic, header)); !done) return done;
  auto records = File::open(folder + "/" + records_name(size_), O_RDWR);
  if (!records) return std::unexpected(records.error());
  auto leaves = File::open(folder + "/" + leaves_name(size_), O_RDWR);
  if (!leaves) return std::unexpected(leaves.error());
  records_ = std::move(*records);
  leaves_ = std::move(*leaves);
  first_ = size_;
  records_offset_ = file_header_size;
  return {};
}

Result<> Log::rotate() {
  if (auto done = write_head(); !done) return done;  // the old segment's leaves are never touched again
  return create_segment();
}

Result<> Log::append(std::span<const Record* const> records) {
  if (poisoned_) return fail(ErrorCode::unavailable, options_.folder + ": closed after an error");
  if (records.empty()) return {};
  if (size_ - first_ >= options_.segment_entries || records_offset_ >= options_.segment_bytes) {
    if (auto done = rotate(); !done) return poison(std::move(done));
  }
  encode(records);
  if (auto done = write_batch(); !done) return poison(std::move(done));

  if (!unsettled()) settle_due_ms_ = steady_ms() + options_.settle_ms;
  const auto leaves_offset = file_header_size + (size_ - first_) * leaf_entry_size;
  records_offset_ += frames_.size();
  size_ += records.size();
  chain_ = next_chain_;
  last_time_ns_ = records.back()->time_ns;
  // The batch is durable whatever becomes of its leaves: a failure here concerns the next one.
  if (auto done = leaves_.write_at(leaves_offset, leaf_entries_); !done) static_cast<void>(poison(std::move(done)));
  if (frames_.capacity() > kept_bytes) release(frames_), release(leaf_entries_), release(nonces_);
  return {};
}

// Fills frames_, leaf_entries_ and next_chain_.
void Log::encode(std::span<const Record* const> records) {
  frames_.clear();
  leaf_entries_.clear();
  nonces_.resize(records.size() * nonce_size);
  crypto::random_bytes({reinterpret_cast<unsigned char*>(nonces_.data()), nonces_.size()});
  next_chain_ = chain_;
  FrameHeader header;
  header.batch = header.seq = size_;
  std::string_view nonces = nonces_;
  for (const Record* record : records) {
    const auto start = frames_.size();
    frames_.append(frame_header_size - nonce_size, '\0');
    frames_.append(nonces.substr(0, nonce_size));
    nonces.remove_prefix(nonce_size);
    append_json(frames_, *record);
    const auto leaf = make_leaf(header.seq, record->time_ns,
                                hasher_(std::string_view(frames_).substr(start + frame_header_size - nonce_size)));
    const auto hash = leaf_hash(hasher_, leaf);
    next_chain_ = hasher_(bytes_of(next_chain_), bytes_of(hash));
    leaf_entries_.append(bytes_of(leaf));
    leaf_entries_.append(bytes_of(next_chain_));
    header.length = static_cast<std::uint32_t>(frames_.size() - start - frame_header_size);
    header.time_ns = record->time_ns;
    header.check = check_of(hash, header.batch);
    write_frame_header(frames_.data() + start, header);
    ++header.seq;
  }
}

Result<> Log::write_batch() {
  if (auto done = records_.write_at(records_offset_, frames_); !done) return done;
  if (auto done = records_.sync(); !done) return done;
  return {};
}

Result<> Log::settle() {
  if (poisoned_) return fail(ErrorCode::unavailable, options_.folder + ": closed after an error");
  auto done = write_head();
  return done ? std::move(done) : poison(std::move(done));
}

Result<> Log::write_head() {
  if (auto done = leaves_.sync(); !done) return done;
  const Head head{size_, last_time_ns_, chain_};
  if (auto done = replace_file(options_.folder, "head", head_text(head)); !done) return done;
  head_size_ = size_;
  return {};
}

Result<> Log::poison(Result<> failure) {
  poisoned_ = true;
  return failure;
}

}  // namespace valise::core::audit
