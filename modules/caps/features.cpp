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
}

bool Features::has(std::string_view feature) const noexcept { return std::ranges::binary_search(all_, feature); }

FeaturesRef SharedCache::find(const std::string& key) {
  const std::lock_guard lock(mutex_);
  const auto found = entries_.find(key);
  if (found == entries_.end()) return nullptr;
  found->second.used = true;
  return found->second.features;
}

void SharedCache::put(const std::string& key, const FeaturesRef& features) {
  const std::lock_guard lock(mutex_);
  if (entries_.contains(key)) return;
  while (entries_.size() >= max_entries_) {
    auto oldest = std::move(order_.front());
    order_.pop_front();
    auto& entry = entries_.at(oldest);
    if (!entry.used) {
      entries_.erase(oldest);
      continue;
    }
    entry.used = false;
    order_.push_back(std::move(oldest));
  }
  entries_.emplace(key, Entry{features, false});
  order_.push_back(key);
}

std::size_t SharedCache::size() {
  const std::lock_guard lock(mutex_);
  return entries_.size();
}

}  // namespace valise::modules::caps
