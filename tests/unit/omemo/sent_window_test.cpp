// The window finds what a list that is looked through from end to end finds.
#include "modules/omemo/sent_window.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <random>

namespace valise::modules::omemo {
namespace {

using Sent = SentWindow::Sent;
constexpr std::int64_t hour_ms = 3'600'000;

// At most `most` of the last 24 hours, in order; the oldest gives way.
class Model {
 public:
  void put(const Sent& sent, std::int64_t now_ms) {
    if (!list_.empty() && (list_.size() == SentWindow::most || list_.front().is_over(now_ms))) list_.pop_front();
    list_.push_back(sent);
  }
  [[nodiscard]] std::vector<std::uint64_t> with(std::uint64_t hash) const {
    std::vector<std::uint64_t> found;
    for (const auto& sent : list_) {
      for (const auto one : sent.hashes) {
        if (hash != 0 && one == hash) found.push_back(sent.payload);
      }
    }
    return found;
  }
  [[nodiscard]] const Sent& newest() const { return list_.back(); }

 private:
  std::deque<Sent> list_;
};

TEST(SentWindow, FindsWhatAListFinds) {
  std::mt19937_64 random(7);
  for (const std::int64_t step_ms : {std::int64_t{1'000}, hour_ms / 8, 2 * hour_ms}) {
    SentWindow window;
    Model model;
    std::int64_t now = 0;
    for (std::uint64_t turn = 1; turn <= 3'000; ++turn) {
      // Long pauses let many be over at once; then the window grows again behind its middle.
      now += static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(2 * step_ms));
      if (random() % 500 == 0) now += 30 * hour_ms;
      Sent sent{.payload = turn, .second = static_cast<std::uint32_t>(now / 1'000)};
      for (auto& hash : sent.hashes) hash = random() % 3 == 0 ? 0 : random() % 600;  // many meet
      window.put(sent, now);
      model.put(sent, now);
      EXPECT_EQ(window.newest().payload, model.newest().payload);
      for (int look = 0; look < 4; ++look) {
        const auto hash = look == 0 ? sent.hashes[turn % sent.hashes.size()] : random() % 700;
        std::vector<std::uint64_t> found;
        window.each_with(hash, [&](const Sent& one) { found.push_back(one.payload); });
        std::ranges::sort(found);
        ASSERT_EQ(found, model.with(hash)) << "turn " << turn << ", hash " << hash;
      }
    }
  }
}

TEST(SentWindow, OfNothingNothingIsFound) {
  SentWindow window;
  window.each_with(1, [](const Sent&) { FAIL(); });
  window.put({.second = 1}, 1'000);
  window.each_with(0, [](const Sent&) { FAIL(); });
  EXPECT_EQ(window.newest().second, 1u);
}

}  // namespace
}  // namespace valise::modules::omemo
