// How many tokens that are none a network may show: a bucket each, which leaks. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <string>
#include <string_view>
#include <unordered_map>

namespace valise::modules::invitation_page {

class Guesses {
 public:
  static constexpr std::size_t most_networks = 10'000;  // beyond it those are forgotten that were seen longest ago

  void set_limit(unsigned an_hour) { an_hour_ = an_hour; }
  // A token is about to be looked at. It counts at once, so that many side by side don't all see an empty bucket;
  // take_back() when it was none of the wrong ones. False: nothing is looked at. `now_ms`: monotonic.
  [[nodiscard]] bool attempt(std::string_view network, std::int64_t now_ms);
  void take_back(std::string_view network, std::int64_t now_ms);
  // Seconds until one more is looked at.
  [[nodiscard]] unsigned wait_s() const noexcept { return 3'600 / an_hour_ + 1; }
  [[nodiscard]] std::size_t size() const noexcept { return by_network_.size(); }

 private:
  struct Bucket {
    std::string network;
    double level = 0;
    std::int64_t at_ms = 0;
  };
  Bucket& bucket(std::string_view network, std::int64_t now_ms);

  unsigned an_hour_ = 60;
  std::list<Bucket> buckets_;  // the latest first
  std::unordered_map<std::string_view, std::list<Bucket>::iterator> by_network_;
};

}  // namespace valise::modules::invitation_page
