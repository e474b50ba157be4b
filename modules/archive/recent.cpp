#include "modules/archive/recent.hpp"

#include <algorithm>

#include "base/clock.hpp"

namespace valise::modules::archive {

Recent::First Recent::find(const offline::Mark& mark, std::int64_t now_ms) {
  if (const auto waits = std::ranges::find(pending_, mark, &Pending::mark); waits != pending_.end()) {
    if (!waits->told) waits->told = std::make_shared<std::uint64_t>(0);
    return waits->told;
  }
  const auto* first = known(mark);
  if (first == nullptr || now_ms - IdGenerator::utc_ms(first->id) > window_ms) return nullptr;
  return std::make_shared<const std::uint64_t>(first->id);
}

std::uint64_t Recent::lost_sight_of(const offline::Mark& mark, std::uint64_t last_id) noexcept {
  if (std::ranges::find(pending_, mark, &Pending::mark) != pending_.end()) return 0;
  const auto* first = known(mark);
  return first == nullptr || first->came_back || first->id > last_id ? 0 : first->id;
}

Recent::Known* Recent::known(const offline::Mark& mark) noexcept {
  const auto found = std::ranges::find(known_, mark, &Known::mark);
  return found == known_.end() ? nullptr : &*found;
}

void Recent::learn(const offline::Mark& mark, std::uint64_t id) {
  if (auto* first = known(mark)) {
    first->id = std::max(first->id, id);
    return;
  }
  if (known_.size() < most) return known_.push_back({mark, id});
  known_[next_] = {mark, id};
  next_ = (next_ + 1) % most;
}

bool Recent::expect(const offline::Mark& mark) {
  if (pending_.size() >= most_pending) return false;
  pending_.push_back({mark, nullptr});
  return true;
}

void Recent::came_back(const offline::Mark& mark, std::uint64_t id) {
  const auto waits = std::ranges::find(pending_, mark, &Pending::mark);
  if (waits == pending_.end()) return;
  if (waits->told) *waits->told = id;
  pending_.erase(waits);
  if (id == 0) return;
  learn(mark, id);
  known(mark)->came_back = true;
}

void Recent::forget(const offline::Mark& mark) noexcept {
  if (auto* first = known(mark)) first->mark = {};  // no message's: the place in the ring stays
}

}  // namespace valise::modules::archive
