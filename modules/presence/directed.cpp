#include "modules/presence/directed.hpp"

#include <algorithm>
#include <utility>

namespace valise::modules::presence {

bool Directed::add(const core::Jid& to) {
  const auto at = std::ranges::lower_bound(jids_, to);
  if (at != jids_.end() && *at == to) return true;
  if (jids_.size() >= most) return false;
  jids_.insert(at, to);
  return true;
}

void Directed::remove(const core::Jid& to) {
  const auto at = std::ranges::lower_bound(jids_, to);
  if (at != jids_.end() && *at == to) jids_.erase(at);
}

bool Directed::knows(const core::Jid& who) const {
  return std::ranges::binary_search(jids_, who) || (!who.is_bare() && std::ranges::binary_search(jids_, who.to_bare()));
}

std::vector<core::Jid> Directed::take() { return std::exchange(jids_, {}); }

std::vector<core::Jid> Directed::take_if(const std::function<bool(const core::Jid&)>& which) {
  std::vector<core::Jid> taken, kept;
  for (auto& jid : jids_) (which(jid) ? taken : kept).push_back(std::move(jid));
  jids_ = std::move(kept);
  return taken;
}

}  // namespace valise::modules::presence
