#include "main/heartbeat.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace valise {
namespace {

struct Threads {
  std::vector<std::vector<std::function<void()>>> mailboxes;
  explicit Threads(unsigned count) : mailboxes(count) {}
  Heartbeat::Post post() {
    return [this](unsigned worker, std::function<void()> task) { mailboxes[worker].push_back(std::move(task)); };
  }
  void turn(unsigned worker) {
    for (auto& task : std::exchange(mailboxes[worker], {})) task();
  }
};

TEST(Heartbeat, GoesOnWhileEverybodyTurns) {
  Threads threads(3);
  Heartbeat heartbeat(3, threads.post());
  for (int round = 0; round < 10; ++round) {
    EXPECT_TRUE(heartbeat.beat()) << round;
    for (unsigned one = 0; one < 3; ++one) threads.turn(one);
  }
}

TEST(Heartbeat, StopsWhenOneOfManyHangsAndComesBackWithIt) {
  Threads threads(4);
  Heartbeat heartbeat(4, threads.post());
  EXPECT_TRUE(heartbeat.beat());
  for (int round = 0; round < 10; ++round) {
    for (const unsigned lively : {0u, 1u, 3u}) threads.turn(lively);
    EXPECT_FALSE(heartbeat.beat()) << round;
  }
  EXPECT_EQ(threads.mailboxes[2].size(), 1u) << "what hangs is not asked again and again";
  threads.turn(2);
  EXPECT_TRUE(heartbeat.beat());
}

TEST(Heartbeat, StopsWhenAllHangFromTheStart) {
  Threads threads(2);
  Heartbeat heartbeat(2, threads.post());
  EXPECT_TRUE(heartbeat.beat());
  EXPECT_FALSE(heartbeat.beat());
  EXPECT_FALSE(heartbeat.beat());
}

}  // namespace
}  // namespace valise
