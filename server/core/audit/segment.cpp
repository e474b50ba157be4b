#include "core/audit/segment.hpp"

#include <fcntl.h>

#include <algorithm>
#include <cstring>

#include <fmt/core.h>

namespace valise::core::audit {
namespace {

bool all_zero(std::string_view bytes) noexcept {
  return std::all_of(bytes.begin(), bytes.end(), [](char c) { return c == 0; });
}

Result<> check_header(const File& file, std::string_view magic, std::uint64_t first, const Digest& chain_before) {
  std::string bytes;
  if (auto done = file.read_at(0, file_header_size, bytes); !done) return done;
  const auto header = parse_file_header(magic, bytes);
  if (!header) return fail(ErrorCode::corrupt, file.path() + ": not the header of such a file");
  if (header->first != first)
    return fail(ErrorCode::corrupt, file.path() + ": its first entry is not the one it names");
  if (header->chain_before != chain_before) {
    return fail(ErrorCode::corrupt, file.path() + ": does not continue the chain of the segment before");
  }
  return {};
}

SegmentWalker::Step damaged(std::string reason) {
  SegmentWalker::Step step;
  step.found = SegmentWalker::Found::damaged;
  step.reason = std::move(reason);
  return step;
}

// The frame at the beginning of `bytes`, if it is whole and its check value holds. `leaf` is not set for erased ones.
struct Frame {
  FrameHeader header;
  bool erased = false;
  std::string_view record;
  Leaf leaf{};
  Digest hash{};
};
enum class FrameProblem : std::uint8_t { none, short_of_bytes, check };

FrameProblem read_frame(Hasher& hasher, const FrameHeader& header, std::string_view bytes, Frame& frame) {
  if (bytes.size() < frame_header_size + header.length) return FrameProblem::short_of_bytes;
  const auto sealed = bytes.substr(frame_header_size - nonce_size, nonce_size + header.length);
  frame.header = header;
  frame.record = sealed.substr(nonce_size);
  frame.erased = all_zero(sealed);
  if (frame.erased) return FrameProblem::none;
  frame.leaf = make_leaf(header.seq, header.time_ns, hasher(sealed));
  frame.hash = leaf_hash(hasher, frame.leaf);
  return check_of(frame.hash, header.batch) == header.check ? FrameProblem::none : FrameProblem::check;
}

}  // namespace

Result<SegmentWalker> SegmentWalker::open(const std::string& folder, std::uint64_t first, const Digest& chain_before,
                                          std::uint64_t head_size) {
  SegmentWalker walker;
  auto records = File::open(folder + "/" + records_name(first), O_RDONLY);
  if (!records) return std::unexpected(records.error());
  if (auto done = check_header(*records, records_magic, first, chain_before); !done) {
    return std::unexpected(done.error());
  }
  auto leaves = File::open(folder + "/" + leaves_name(first), O_RDONLY);
  if (leaves) {
    if (auto done = check_header(*leaves, leaves_magic, first, chain_before); !done) {
      return std::unexpected(done.error());
    }
    walker.leaves_ = std::make_unique<File>(std::move(*leaves));
    walker.leaves_window_ = std::make_unique<Window>(*walker.leaves_);
  } else if (leaves.error().code != ErrorCode::not_found) {
    return std::unexpected(leaves.error());
  }
  walker.records_ = std::make_unique<File>(std::move(*records));
  walker.records_window_ = std::make_unique<Window>(*walker.records_);
  walker.first_ = walker.next_ = walker.batch_ = first;
  walker.head_size_ = head_size;
  walker.chain_ = chain_before;
  return walker;
}

Result<SegmentWalker::StoredLeaf> SegmentWalker::stored_leaf() {
  StoredLeaf stored;
  if (!leaves_) return stored;
  const auto bytes = leaves_window_->view(file_header_size + (next_ - first_) * leaf_entry_size, leaf_entry_size);
  if (!bytes) return std::unexpected(bytes.error());
  if (bytes->size() < leaf_entry_size) return stored;
  std::memcpy(stored.leaf.data(), bytes->data(), leaf_size);
  std::memcpy(stored.chain.data(), bytes->data() + leaf_size, hash_size);
  stored.present = true;
  stored.hash = leaf_hash(hasher_, stored.leaf);
  stored.sound = stored.leaf[0] == 1 && get_u64(bytes->data() + 1) == next_ &&
                 stored.chain == hasher_(bytes_of(chain_), bytes_of(stored.hash));
  return stored;
}

Result<SegmentWalker::Step> SegmentWalker::next() {
  const auto stored = stored_leaf();
  if (!stored) return std::unexpected(stored.error());
  auto bytes = records_window_->view(offset_, frame_header_size);
  if (!bytes) return std::unexpected(bytes.error());
  if (bytes->empty()) {
    if (stored->sound) return damaged(fmt::format("entry {} is missing from the records; its leaf is there", next_));
    return Step{};
  }
  if (bytes->size() < frame_header_size) return broken(fmt::format("entry {} is cut short", next_), *stored);
  const auto header = parse_frame_header(bytes->data());
  if (!header) return broken(fmt::format("no frame where entry {} belongs", next_), *stored);
  bytes = records_window_->view(offset_, frame_header_size + header->length);
  if (!bytes) return std::unexpected(bytes.error());

  Frame frame;
  const auto problem = read_frame(hasher_, *header, *bytes, frame);
  if (problem == FrameProblem::short_of_bytes) return broken(fmt::format("entry {} is cut short", next_), *stored);
  if (problem == FrameProblem::check) {
    return broken(fmt::format("entry {} does not match its check value", next_), *stored);
  }
  if (header->seq > next_) {
    return damaged(fmt::format("entry {} is missing: entry {} stands in its place", next_, header->seq));
  }
  if (header->seq < next_) {
    return damaged(fmt::format("entry {} is repeated or out of order where entry {} belongs", header->seq, next_));
  }
  if (header->batch != next_ && (header->batch != batch_ || next_ == first_)) {
    return damaged(fmt::format("entry {} names a batch that its neighbours contradict", next_));
  }
  Step step;
  step.found = Found::entry;
  step.entry = {header->seq, header->batch, header->time_ns, frame.erased, frame.record};
  if (frame.erased) {
    if (!stored->sound) return damaged(fmt::format("entry {} is erased and its leaf is missing or altered", next_));
    if (check_of(stored->hash, header->batch) != header->check ||
        get_u64(reinterpret_cast<const char*>(stored->leaf.data()) + 9) !=
            static_cast<std::uint64_t>(header->time_ns)) {
      return damaged(fmt::format("entry {} is erased and does not match its leaf", next_));
    }
    step.leaf = stored->leaf;
    return accept(*header, std::move(step), *stored, stored->hash);
  }
  step.leaf = frame.leaf;
  return accept(*header, std::move(step), *stored, frame.hash);
}

// The frame is good in itself: holds it against its stored leaf and goes on.
SegmentWalker::Step SegmentWalker::accept(const FrameHeader& header, Step step, const StoredLeaf& stored,
                                          const Digest& hash) {
  const auto chain = hasher_(bytes_of(chain_), bytes_of(hash));
  const bool same = stored.present && stored.leaf == step.leaf;
  if (same && stored.chain == chain) {
    step.leaf_state = LeafState::match;
  } else if (stored.sound) {
    return damaged(fmt::format("entry {} is not the record that its leaf was made of", next_));
  } else if (next_ < head_size_) {
    if (!stored.present) return damaged(fmt::format("the leaf of entry {} is missing", next_));
    return damaged(fmt::format("the {} of entry {} is altered", same ? "chain value" : "leaf", next_));
  } else {
    step.leaf_state = stored.present ? LeafState::unusable : LeafState::absent;
  }
  if (header.batch == next_) batch_offset_ = offset_;
  batch_ = header.batch;
  chain_ = chain;
  offset_ += frame_header_size + header.length;
  ++next_;
  return step;
}

// Something that is no good frame stands where entry next_ belongs: torn, or altered?
Result<SegmentWalker::Step> SegmentWalker::broken(std::string reason, const StoredLeaf& stored) {
  if (stored.sound) return damaged(reason + ", though its leaf shows that it was durable");
  if (next_ < head_size_) return damaged(reason + ", though the head covers it");
  const auto later = later_batch_exists();
  if (!later) return std::unexpected(later.error());
  if (*later) return damaged(reason + ", though a later batch shows that it was durable");
  Step step;
  step.found = Found::torn;
  step.reason = std::move(reason);
  return step;
}

Result<bool> SegmentWalker::later_batch_exists() {
  Window window(*records_);
  std::uint64_t at = offset_ + 1;
  while (true) {
    const auto bytes = window.view(at, std::size_t{256} << 10);
    if (!bytes) return std::unexpected(bytes.error());
    if (bytes->size() < frame_header_size) return false;
    const auto found = bytes->find(frame_magic);
    if (found == bytes->npos) {
      at += bytes->size() - (frame_magic.size() - 1);
      if (bytes->size() < frame_magic.size()) return false;
      continue;
    }
    at += found;
    const auto frame_bytes = window.view(at, frame_header_size + max_record_bytes);
    if (!frame_bytes) return std::unexpected(frame_bytes.error());
    if (frame_bytes->size() < frame_header_size) return false;
    const auto header = parse_frame_header(frame_bytes->data());
    Frame frame;
    if (header && header->batch > next_ && read_frame(hasher_, *header, *frame_bytes, frame) == FrameProblem::none) {
      return true;
    }
    ++at;
  }
}

}  // namespace valise::core::audit
