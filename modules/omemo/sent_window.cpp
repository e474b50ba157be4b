#include "modules/omemo/sent_window.hpp"

#include <algorithm>
#include <bit>
#include <utility>

namespace valise::modules::omemo {

void SentWindow::put(const Sent& sent, std::int64_t now_ms) {
  if (ring_.size() < most && (ring_.empty() || !ring_[oldest_].is_over(now_ms))) {
    add_place();
  } else {
    unlink(oldest_);
  }
  ring_[oldest_] = sent;
  link(oldest_);
  oldest_ = (oldest_ + 1) % ring_.size();
}

// In front of the oldest one, and named by `oldest_` until it is taken.
void SentWindow::add_place() {
  std::ranges::rotate(ring_, ring_.begin() + static_cast<std::ptrdiff_t>(oldest_));
  const bool moved = std::exchange(oldest_, ring_.size()) != 0;
  ring_.emplace_back();
  next_.resize(ring_.size() * links);
  const auto buckets = 2 * std::bit_ceil(ring_.size());
  if (!moved && buckets == heads_.size()) return;
  heads_.assign(buckets, no_link);
  for (std::size_t place = 0; place < oldest_; ++place) link(place);
}

void SentWindow::link(std::size_t place) {
  for (std::size_t i = 0; i < links; ++i) {
    const auto hash = ring_[place].hashes[i];
    const auto own = static_cast<Link>(place * links + i);
    if (hash != 0) next_[own] = std::exchange(heads_[bucket(hash)], own);
  }
}

void SentWindow::unlink(std::size_t place) {
  for (std::size_t i = 0; i < links; ++i) {
    const auto hash = ring_[place].hashes[i];
    if (hash == 0) continue;
    const auto own = static_cast<Link>(place * links + i);
    auto* link = &heads_[bucket(hash)];
    while (*link != own) link = &next_[*link];
    *link = next_[own];
  }
}

}  // namespace valise::modules::omemo
