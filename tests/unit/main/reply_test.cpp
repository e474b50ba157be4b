#include "main/reply.hpp"

#include <gtest/gtest.h>

#include <thread>

namespace valise {
namespace {

using std::chrono::milliseconds;

TEST(Reply, GivesWhatAnotherThreadGave) {
  const auto reply = std::make_shared<Reply<int>>();
  std::thread other([&] {
    EXPECT_TRUE(reply->begin());
    reply->give(7);
  });
  EXPECT_EQ(reply->wait({}, std::chrono::minutes(1)).value(), 7);
  other.join();
}

TEST(Reply, ThatWasNotBegunIsWithdrawnWhenWaitingEnds) {
  const auto reply = std::make_shared<Reply<int>>();
  EXPECT_EQ(reply->wait({}, milliseconds(0)).error().code, ErrorCode::unavailable);
  EXPECT_FALSE(reply->begin());
}

TEST(Reply, ThatWasBegunIsPendingWhenWaitingEnds) {
  const auto reply = std::make_shared<Reply<int>>();
  EXPECT_TRUE(reply->begin());
  EXPECT_EQ(reply->wait({}, milliseconds(0)).error().code, ErrorCode::pending);
}

TEST(Reply, WakesWhenItIsToStop) {
  const auto reply = std::make_shared<Reply<int>>();
  std::stop_source stop;
  std::thread other([&] { stop.request_stop(); });
  EXPECT_EQ(reply->wait(stop.get_token(), std::chrono::hours(1)).error().code, ErrorCode::unavailable);
  other.join();
}

}  // namespace
}  // namespace valise
