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

std::vector<core::Jid> Directed::take() { return std::exchange(jids_, {}); }

}  // namespace valise::modules::presence
