// Cause before effect: what other loops are sent they have before anybody is answered, and handle before what follows
// from that answer.
#include <gtest/gtest.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <functional>
#include <string>
#include <utility>

#include "net/loop.hpp"

namespace valise::net {
namespace {

struct Work final : TurnEnd {
  explicit Work(std::function<void()> does) : run(std::move(does)) {}
  void on_turn_end() override { run(); }
  std::function<void()> run;
};

struct Socket final : IoHandler {
  explicit Socket(std::function<void()> does) : run(std::move(does)) {}
  void on_io(std::uint32_t) override { run(); }
  std::function<void()> run;
};

class Order : public ::testing::Test {
 protected:
  Order() { loop.set_first(outbox); }
  ~Order() override { loop.cancel(outbox); }
  Loop loop;
  std::string order;
  Work outbox{[this] { order += "outbox "; }};
};

TEST_F(Order, whatGoesToOtherLoopsGoesBeforeTheAnswers) {
  Work answer([&] {
    order += "answer ";
    loop.enqueue(outbox);  // an answer that causes more
  });
  loop.post([&] {
    loop.enqueue(answer);
    loop.enqueue(outbox);
    loop.stop();
  });
  loop.run();
  EXPECT_EQ(order, "outbox answer outbox ");
}

TEST_F(Order, whatIsToComeAfterTheTurnComesBehindItsOutbox) {
  loop.post([&] {
    Loop::after_turn([&] { order += "after "; });
    loop.enqueue(outbox);
    loop.stop();
  });
  loop.run();
  EXPECT_EQ(order, "outbox after ");
  Loop::after_turn([&] { order += "at once"; });
  EXPECT_EQ(order, "outbox after at once");
}

TEST_F(Order, whatIsCancelledDoesNotRun) {
  loop.post([&] {
    loop.enqueue(outbox);
    loop.cancel(outbox);
    loop.stop();
  });
  loop.run();
  EXPECT_EQ(order, "");
}

TEST_F(Order, mailComesBeforeTheBytesThatFollowedIt) {
  std::array<int, 2> ends{};
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends.data()), 0);
  Socket socket([&] {
    order += "bytes ";
    loop.stop();
  });
  ASSERT_TRUE(loop.watch(ends[0], EPOLLIN, socket));
  loop.post([&] { order += "mail "; });
  ASSERT_EQ(::write(ends[1], "x", 1), 1);
  loop.run();
  EXPECT_EQ(order, "mail bytes ");
  loop.unwatch(ends[0], socket);
  for (const int fd : ends) ::close(fd);
}

}  // namespace
}  // namespace valise::net
