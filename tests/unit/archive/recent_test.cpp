// Identical re-sends, as memory knows them.
#include <gtest/gtest.h>

#include "base/clock.hpp"
#include "modules/archive/recent.hpp"

namespace {

using valise::IdGenerator;
using valise::modules::archive::Recent;
using valise::modules::offline::Mark;

constexpr std::int64_t now_ms = 1'764'000'000'000;
const auto now_id = IdGenerator::first_of(now_ms);
Mark mark(unsigned n) { return Mark{static_cast<unsigned char>(n), static_cast<unsigned char>(n >> 8)}; }

TEST(Recent, KnowsWhatIsDurableByItsId) {
  Recent recent;
  EXPECT_EQ(recent.find(mark(1), now_ms), nullptr);
  ASSERT_TRUE(recent.expect(mark(1)));
  recent.came_back(mark(1), now_id);
  ASSERT_NE(recent.find(mark(1), now_ms), nullptr);
  EXPECT_EQ(*recent.find(mark(1), now_ms), now_id);
  EXPECT_EQ(recent.find(mark(2), now_ms), nullptr);
}

TEST(Recent, TellsASecondCopyWhatBecomesOfTheFirst) {
  Recent recent;
  ASSERT_TRUE(recent.expect(mark(1)));
  ASSERT_TRUE(recent.expect(mark(2)));
  const auto first = recent.find(mark(1), now_ms), again = recent.find(mark(1), now_ms),
             other = recent.find(mark(2), now_ms);
  ASSERT_TRUE(first && again && other);
  EXPECT_EQ(*first, 0U);
  recent.came_back(mark(1), now_id);
  recent.came_back(mark(2), 0);
  EXPECT_EQ(*first, now_id);
  EXPECT_EQ(*again, now_id);
  EXPECT_EQ(*other, 0U) << "it failed";
  EXPECT_EQ(recent.find(mark(2), now_ms), nullptr) << "its re-send is archived";
}

TEST(Recent, LosesSightOfWhatAnEarlierProcessMadeUntilItComesBack) {
  Recent recent;
  recent.learn(mark(1), now_id);
  recent.learn(mark(2), now_id + 1);
  EXPECT_EQ(recent.lost_sight_of(mark(1), now_id), now_id);
  EXPECT_EQ(recent.lost_sight_of(mark(2), now_id), 0U) << "it is of this process";
  EXPECT_EQ(recent.lost_sight_of(mark(3), now_id), 0U);
  ASSERT_TRUE(recent.expect(mark(1)));
  EXPECT_EQ(recent.lost_sight_of(mark(1), now_id), 0U) << "it is under way";
  recent.came_back(mark(1), 0);
  EXPECT_EQ(recent.lost_sight_of(mark(1), now_id), now_id) << "it was refused";
  ASSERT_TRUE(recent.expect(mark(1)));
  recent.came_back(mark(1), now_id);
  EXPECT_EQ(recent.lost_sight_of(mark(1), now_id), 0U);
  EXPECT_EQ(*recent.find(mark(1), now_ms), now_id);
}

TEST(Recent, ForgetsAfterADayAndBeyondItsBound) {
  Recent recent;
  recent.learn(mark(1), now_id);
  EXPECT_NE(recent.find(mark(1), now_ms + Recent::window_ms), nullptr);
  EXPECT_EQ(recent.find(mark(1), now_ms + Recent::window_ms + 1), nullptr);
  for (unsigned n = 2; n < 2 + Recent::most; ++n) recent.learn(mark(n), now_id);
  EXPECT_EQ(recent.find(mark(1), now_ms), nullptr);
  for (unsigned n = 2; n < 2 + Recent::most; ++n) EXPECT_NE(recent.find(mark(n), now_ms), nullptr) << n;
}

TEST(Recent, ForgetsWhatNoSessionTook) {
  Recent recent;
  for (unsigned n = 1; n <= 3; ++n) recent.learn(mark(n), now_id + n);
  recent.forget(mark(2));
  recent.forget(mark(4));
  EXPECT_NE(recent.find(mark(1), now_ms), nullptr);
  EXPECT_EQ(recent.find(mark(2), now_ms), nullptr);
  EXPECT_NE(recent.find(mark(3), now_ms), nullptr);
  recent.learn(mark(2), now_id + 4);
  EXPECT_NE(recent.find(mark(2), now_ms), nullptr);
}

TEST(Recent, LooksAtABoundedNumberUnderWay) {
  Recent recent;
  for (unsigned n = 0; n < Recent::most_pending; ++n) ASSERT_TRUE(recent.expect(mark(n)));
  EXPECT_FALSE(recent.expect(mark(Recent::most_pending)));
  recent.came_back(mark(Recent::most_pending), now_id);
  EXPECT_EQ(recent.find(mark(Recent::most_pending), now_ms), nullptr);
  recent.came_back(mark(0), now_id);
  EXPECT_TRUE(recent.expect(mark(Recent::most_pending)));
}

}  // namespace
