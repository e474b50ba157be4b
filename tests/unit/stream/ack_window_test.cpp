// XEP-0198 §4: h covers a stanza when it and all before it are handled.
#include "stream/ack_window.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <vector>

namespace valise::stream {
namespace {

TEST(AckWindow, CountsOnlyWithoutAGap) {
  AckWindow window;
  for (std::uint64_t i = 1; i <= 3; ++i) EXPECT_EQ(window.received(), i);
  window.handled(2);
  window.handled(3);
  EXPECT_EQ(window.h(), 0U);
  window.handled(1);
  EXPECT_EQ(window.h(), 3U);
  EXPECT_EQ(window.open(), 0U);
}

TEST(AckWindow, IgnoresNumbersThatItDoesNotWaitFor) {
  AckWindow window;
  window.handled(1);
  (void)window.received();
  window.handled(0);
  window.handled(2);
  window.handled(~std::uint64_t{0});
  EXPECT_EQ(window.h(), 0U);
  window.handled(1);
  window.handled(1);
  EXPECT_EQ(window.h(), 1U);
}

TEST(AckWindow, AnswersARequestOnceAndOnlyForWhatCameBeforeIt) {
  AckWindow window;
  const auto first = window.received();
  window.requested();
  const auto second = window.received();
  window.handled(second);
  EXPECT_FALSE(window.answer_due());
  window.handled(first);
  EXPECT_TRUE(window.answer_due());
  EXPECT_FALSE(window.answer_due());
  window.requested();
  window.rest();
  EXPECT_FALSE(window.answer_due());
}

TEST(AckWindow, GoesRoundAfterTwoToThe32) {
  AckWindow window((std::uint64_t{1} << 32) - 2);
  std::vector<std::uint64_t> numbers;
  for (int i = 0; i < 4; ++i) numbers.push_back(window.received());
  window.requested();
  window.handled(numbers[0]);
  EXPECT_EQ(window.h(), 0xffffffffU);
  window.handled(numbers[1]);
  EXPECT_EQ(window.h(), 0U);
  EXPECT_FALSE(window.answer_due());
  window.handled(numbers[3]);
  window.handled(numbers[2]);
  EXPECT_EQ(window.h(), 2U);
  EXPECT_TRUE(window.answer_due());
}

TEST(AckWindow, IsWhatAListOfFlagsWouldSay) {
  std::mt19937 random(1);
  for (int round = 0; round < 50; ++round) {
    AckWindow window;
    std::vector<bool> model;
    for (int step = 0; step < 5'000; ++step) {
      if (model.empty() || random() % 2 == 0) {
        model.push_back(false);
        ASSERT_EQ(window.received(), model.size());
      } else {
        const auto back = std::min<std::size_t>(model.size(), 1 + random() % 50);
        model[model.size() - back] = true;
        window.handled(model.size() - back + 1);
        if (random() % 20 == 0) {
          for (std::size_t i = 0; i < model.size(); ++i) {
            if (!model[i]) window.handled(i + 1);
            model[i] = true;
          }
        }
      }
      const auto gap = std::ranges::find(model, false);
      ASSERT_EQ(window.h(), static_cast<std::size_t>(gap - model.begin()));
      ASSERT_EQ(window.open(), static_cast<std::size_t>(model.end() - gap));
    }
  }
}

}  // namespace
}  // namespace valise::stream
