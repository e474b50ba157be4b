// Which eligible messages an account has exchanged of late: an error is copied if it answers one (XEP-0280 §6.1).
#pragma once

#include <algorithm>
#include <cstdint>
#include <string_view>
#include <vector>

namespace valise::modules::carbons {

class Exchanged {
 public:
  static constexpr std::size_t most = 128;

  // `peer`: bare. Without an id nothing can answer it.
  void remember(std::string_view peer, std::string_view id);
  [[nodiscard]] bool knows(std::string_view peer, std::string_view id) const;

 private:
  std::vector<std::uint64_t> marks_;  // the last `most`, in a circle
  std::size_t next_ = 0;
};

}  // namespace valise::modules::carbons
