#include "core/work_pool.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <latch>

namespace valise::core {
namespace {

Share of(bool known, const std::string& address) { return {known, auth::Network::parse(address)}; }
const Share at_home = of(true, "192.0.2.1");
const Share somebody = of(false, "203.0.113.5");

struct FairQueueTest : testing::Test {
  FairQueue queue{{.lane = 4, .network = 3}, {.lane = 3, .network = 2}};
  std::string ran;
  bool put(char name, const Share& share) {
    FairQueue::Job job = [this, name] { ran += name; };
    const bool taken = queue.put(job, share);
    EXPECT_EQ(job == nullptr, taken) << "what is refused stays with the caller";
    return taken;
  }
  std::string take_all() {
    while (!queue.empty()) queue.take()();
    return std::exchange(ran, {});
  }
};

TEST_F(FairQueueTest, ANetworkHasAFewPlacesAndGetsThemBack) {
  EXPECT_TRUE(put('a', somebody));
  EXPECT_TRUE(put('b', somebody));
  EXPECT_FALSE(put('c', somebody));
  EXPECT_TRUE(put('d', of(false, "203.0.113.6"))) << "another address is another network";
  queue.take()();
  EXPECT_TRUE(put('e', somebody));
  EXPECT_EQ(take_all(), "abde");
}

TEST_F(FairQueueTest, ASubnetOfIpv6AndWhoHasNoAddressAreOneNetworkEach) {
  EXPECT_TRUE(put('a', of(false, "2001:db8:1:2::1")));
  EXPECT_TRUE(put('b', of(false, "2001:db8:1:2:ffff::9")));
  EXPECT_FALSE(put('c', of(false, "2001:db8:1:2::3")));
  take_all();
  EXPECT_TRUE(put('d', Share{}));
  EXPECT_TRUE(put('e', Share{}));
  EXPECT_FALSE(put('f', Share{}));
}

TEST_F(FairQueueTest, StrangersOfManyNetworksFillTheirOwnLaneOnly) {
  for (char i = 0; i < 3; ++i) EXPECT_TRUE(put('s', of(false, "203.0.113." + std::to_string(i))));
  EXPECT_FALSE(put('x', of(false, "203.0.113.99")));
  EXPECT_TRUE(put('k', at_home));
}

TEST_F(FairQueueTest, NorDoTheKnownOfOneNetworkKeepOutThoseOfAnother) {
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(put('k', at_home));
  EXPECT_FALSE(put('k', at_home));
  EXPECT_TRUE(put('o', of(true, "192.0.2.2")));
  EXPECT_FALSE(put('p', of(true, "192.0.2.3"))) << "the lane has its bound, too";
  EXPECT_TRUE(put('s', of(false, "192.0.2.1"))) << "a stranger of the same network is in the other lane";
}

TEST_F(FairQueueTest, TheLanesTakeTurnsAndWithinOneTheFirstIsServedFirst) {
  put('1', somebody);
  put('2', of(false, "203.0.113.6"));
  put('3', somebody);
  put('a', at_home);
  put('b', at_home);
  EXPECT_EQ(take_all(), "a1b23");
  put('4', somebody);
  put('c', at_home);
  put('d', at_home);
  put('e', at_home);
  EXPECT_EQ(take_all(), "c4de");
}

struct WorkPoolTest : testing::Test {
  static FairQueue small() { return FairQueue{{.lane = 2, .network = 2}, {.lane = 2, .network = 2}}; }
};

TEST_F(WorkPoolTest, RefusesWhatIsBeyondItsBoundAndRunsTheRest) {
  std::atomic<int> ran = 0;
  std::latch busy(1);
  std::latch go_on(1);
  {
    WorkPool pool(1, small());
    ASSERT_TRUE(pool.submit(somebody, [&] {
      busy.count_down();
      go_on.wait();
      ++ran;
    }));
    busy.wait();  // the only thread is taken: what follows waits
    EXPECT_TRUE(pool.submit(somebody, [&] { ++ran; }));
    EXPECT_TRUE(pool.submit(somebody, [&] { ++ran; }));
    EXPECT_FALSE(pool.submit(somebody, [&] { ran += 100; }));
    EXPECT_TRUE(pool.submit(at_home, [&] { ++ran; }));
    go_on.count_down();
  }
  EXPECT_EQ(ran, 4);  // the end waits for what was taken
}

TEST_F(WorkPoolTest, ForgetsWhatAJobOwnedWhenItIsDone) {
  auto owned = std::make_shared<int>(1);
  const std::weak_ptr<int> seen = owned;
  {
    WorkPool pool(2, small());
    ASSERT_TRUE(pool.submit(somebody, [owned = std::move(owned)] {}));
  }
  EXPECT_TRUE(seen.expired());
}

TEST_F(WorkPoolTest, TakesNothingBehindItsEnd) {
  WorkPool pool(1, small());
  pool.stop();
  EXPECT_FALSE(pool.submit(at_home, [] {}));
}

}  // namespace
}  // namespace valise::core
