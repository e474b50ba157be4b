#include "modules/caps/features.hpp"

#include <algorithm>

namespace valise::modules::caps {

Features::Features(std::vector<std::string> all) : all_(std::move(all)) {
  constexpr std::string_view ending = "+notify";
  std::ranges::sort(all_);
  for (const auto& feature : all_) {
    if (feature.size() > ending.size() && feature.ends_with(ending)) {
      notify_.push_back(feature.substr(0, feature.size() - ending.size()));
    }
  }
  for (const auto* texts : {&all_, &notify_}) {
    for (const auto& text : *texts) memory_ += sizeof text + text.capacity();
  }
}

bool Features::has(std::string_view feature) const noexcept { return std::ranges::binary_search(all_, feature); }

FeaturesRef SharedCache::find(const std::string& key) {
  const std::lock_guard lock(mutex_);
  const auto found = entries_.find(key);
  if (found == entries_.end()) return nullptr;
  found->second.used = true;
  return found->second.features;
}

namespace {
std::size_t cost(const std::string& key, const Features& features) noexcept {
  return 2 * (key.size() + 64) + features.memory();  // in both containers
}
}  // namespace

void SharedCache::put(const std::string& key, const FeaturesRef& features) {
  const std::lock_guard lock(mutex_);
  const auto bytes = cost(key, *features);
  if (entries_.contains(key) || bytes > max_bytes_ / 16) return;
  make_room(bytes);
  entries_.emplace(key, Entry{features, false});
  order_.push_back(key);
  bytes_ += bytes;
}

void SharedCache::make_room(std::size_t bytes) {
  while (entries_.size() >= max_entries_ || bytes_ + bytes > max_bytes_) {
    auto oldest = std::move(order_.front());
    order_.pop_front();
    auto& entry = entries_.at(oldest);
    if (!entry.used) {
      bytes_ -= cost(oldest, *entry.features);
      entries_.erase(oldest);
      continue;
    }
    entry.used = false;
    order_.push_back(std::move(oldest));
  }
}

std::size_t SharedCache::size() {
  const std::lock_guard lock(mutex_);
  return entries_.size();
}

std::size_t SharedCache::bytes() {
  const std::lock_guard lock(mutex_);
  return bytes_;
}

}  // namespace valise::modules::caps
