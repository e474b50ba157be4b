#include "modules/invitation_page/guesses.hpp"

#include <algorithm>

namespace valise::modules::invitation_page {

Guesses::Bucket& Guesses::bucket(std::string_view network, std::int64_t now_ms) {
  const auto found = by_network_.find(network);
  if (found == by_network_.end()) {
    if (by_network_.size() >= most_networks) {
      by_network_.erase(buckets_.back().network);
      buckets_.pop_back();
    }
    buckets_.push_front({std::string(network), 0, now_ms});
    by_network_.emplace(buckets_.front().network, buckets_.begin());
    return buckets_.front();
  }
  buckets_.splice(buckets_.begin(), buckets_, found->second);
  auto& one = buckets_.front();
  const auto leaked = static_cast<double>(std::max<std::int64_t>(now_ms - one.at_ms, 0)) * an_hour_ / 3'600'000;
  one.level = std::max(0.0, one.level - leaked);
  one.at_ms = now_ms;
  return one;
}

bool Guesses::attempt(std::string_view network, std::int64_t now_ms) {
  auto& one = bucket(network, now_ms);
  if (one.level + 1 > an_hour_) return false;
  one.level += 1;
  return true;
}

void Guesses::take_back(std::string_view network, std::int64_t now_ms) {
  auto& one = bucket(network, now_ms);
  one.level = std::max(0.0, one.level - 1);
}

}  // namespace valise::modules::invitation_page
