#include "stream/outbound_queue.hpp"

#include <algorithm>
#include <utility>

#include "base/release.hpp"

namespace valise::stream {
namespace {

constexpr std::size_t small = 16;  // entries that an empty queue may keep room for

bool is_state(const core::Stanza& stanza) {
  return stanza.kind == core::Kind::presence && (stanza.type.empty() || stanza.type == "unavailable");
}

}  // namespace

void OutboundQueue::push(Outbound entry, bool fold) {
  if (fold && is_state(*entry.stanza)) fold_presence(entry);
  bytes_ += entry.bytes();
  entries_.push_back(std::move(entry));
}

void OutboundQueue::fold_presence(const Outbound& newer) {
  const auto unsent = entries_.begin() + static_cast<std::ptrdiff_t>(first_ + sent_);
  const auto older = std::find_if(unsent, entries_.end(), [&](const Outbound& one) {
    return is_state(*one.stanza) && one.to == newer.to && one.stanza->from == newer.stanza->from &&
           one.stanza->to == newer.stanza->to;
  });
  if (older == entries_.end()) return;
  bytes_ -= older->bytes();
  entries_.erase(older);
}

const Outbound* OutboundQueue::send_next() noexcept {
  if (all_sent()) return nullptr;
  return &entries_[first_ + sent_++];
}

// Of all numbers that look like `h` the one nearest to what was acknowledged last, and none from before the first
// stanza.
std::int64_t OutboundQueue::ahead(std::uint32_t h) const noexcept {
  const auto near = static_cast<std::int32_t>(h - static_cast<std::uint32_t>(acknowledged_));
  const bool before_the_first =
      near < 0 && static_cast<std::uint64_t>(-static_cast<std::int64_t>(near)) > acknowledged_;
  return before_the_first ? static_cast<std::int64_t>(static_cast<std::uint32_t>(near)) : near;
}

OutboundQueue::Answer OutboundQueue::acknowledge(std::uint32_t h, std::vector<core::Custody*>& received) {
  if (!knows(h)) return Answer::too_high;
  if (ahead(h) <= 0) return Answer::good;
  const auto count = static_cast<std::size_t>(ahead(h));
  for (std::size_t i = 0; i < count; ++i) {
    auto* custody = entries_[first_ + i].custody;
    if (custody != nullptr) received.push_back(custody);
  }
  drop_front(count);
  acknowledged_ += count;
  sent_ -= count;
  return Answer::good;
}

void OutboundQueue::drop_front(std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    auto& gone = entries_[first_ + i];
    bytes_ -= gone.bytes();
    gone = {};
  }
  first_ += count;
  if (first_ == entries_.size()) {
    entries_.clear();
    first_ = 0;
    if (entries_.capacity() > small) release(entries_);
  } else if (first_ >= 64 && first_ * 2 >= entries_.size()) {
    entries_.erase(entries_.begin(), entries_.begin() + static_cast<std::ptrdiff_t>(first_));
    first_ = 0;
  }
}

void OutboundQueue::rewind() noexcept { sent_ = 0; }

std::vector<Outbound> OutboundQueue::take_all() {
  entries_.erase(entries_.begin(), entries_.begin() + static_cast<std::ptrdiff_t>(first_));
  first_ = sent_ = bytes_ = 0;
  return std::exchange(entries_, {});
}

}  // namespace valise::stream
