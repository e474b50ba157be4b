#include "modules/csi/held.hpp"

#include <algorithm>
#include <utility>

namespace valise::modules::csi {

void Held::keep(Waiting waiting) {
  const auto older = std::ranges::find(waiting_, waiting.about, &Waiting::about);
  if (older != waiting_.end()) {
    bytes_ -= older->bytes();
    waiting_.erase(older);
  }
  bytes_ += waiting.bytes();
  waiting_.push_back(std::move(waiting));
}

std::vector<Waiting> Held::take() {
  bytes_ = 0;
  return std::exchange(waiting_, {});
}

}  // namespace valise::modules::csi
