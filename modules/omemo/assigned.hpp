// Remembers one number under each of many keys, to tell whether a key comes again with another one. Faster than to sort
// them; nobody who chooses the keys can make them meet.
#pragma once

#include <bit>
#include <cstdint>
#include <vector>

#include "base/siphash.hpp"

namespace valise::modules::omemo {

class Assigned {
 public:
  // Forgets all; `most`: how many keys may come.
  void begin(std::size_t most) {
    const auto size = std::bit_ceil(2 * most + 2);
    shift_ = static_cast<unsigned>(64 - std::bit_width(size - 1));
    places_.assign(size, {});
  }
  // False: another number stands under the key. `number` is not 0.
  [[nodiscard]] bool put(std::uint64_t key, std::uint32_t number) {
    // The upper bits of a product with a secret odd number: two keys meet with twice the odds of chance at most.
    for (auto at = (key * secret_) >> shift_;; at = (at + 1) & (places_.size() - 1)) {
      auto& place = places_[at];
      if (place.number == 0) place = {key, number};
      if (place.key == key) return place.number == number;
    }
  }

 private:
  struct Place {
    std::uint64_t key = 0;
    std::uint32_t number = 0;
  };

  std::vector<Place> places_;  // at most half of them are taken
  std::uint64_t secret_ = SipKey::random().low | 1;
  unsigned shift_ = 0;
};

}  // namespace valise::modules::omemo
