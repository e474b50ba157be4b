#include "core/work_pool.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <latch>

namespace valise::core {
namespace {

TEST(WorkPool, RefusesWhatIsBeyondItsBoundAndRunsTheRest) {
  std::atomic<int> ran = 0;
  std::latch busy(1);
  std::latch go_on(1);
  {
    WorkPool pool(1, 2);
    ASSERT_TRUE(pool.submit([&] {
      busy.count_down();
      go_on.wait();
      ++ran;
    }));
    busy.wait();  // the only thread is taken: what follows waits
    EXPECT_TRUE(pool.submit([&] { ++ran; }));
    EXPECT_TRUE(pool.submit([&] { ++ran; }));
    EXPECT_FALSE(pool.submit([&] { ran += 100; }));
    go_on.count_down();
  }
  EXPECT_EQ(ran, 3);  // the end waits for what was taken
}

TEST(WorkPool, ForgetsWhatAJobOwnedWhenItIsDone) {
  auto owned = std::make_shared<int>(1);
  const std::weak_ptr<int> seen = owned;
  {
    WorkPool pool(2, 8);
    ASSERT_TRUE(pool.submit([owned = std::move(owned)] {}));
  }
  EXPECT_TRUE(seen.expired());
}

}  // namespace
}  // namespace valise::core
