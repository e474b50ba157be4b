// Long steps of a handshake run on other threads; the connection may end meanwhile.
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <functional>
#include <latch>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "net/connection.hpp"
#include "net/handshakes.hpp"

namespace valise::net {
namespace {

// What a handshake is told to do, and what it did. Outlives its transport.
struct Script {
  std::vector<IoStatus> steps;
  std::size_t long_steps = 0;  // the first ones
  std::function<void()> within;
  std::atomic<std::size_t> done{0};
  std::vector<std::thread::id> threads;
  std::atomic<bool> gone{false};  // the transport is
};

// One long step, which does not end before it may.
struct Held : Script {
  explicit Held(IoStatus outcome) {
    steps = {outcome};
    long_steps = 1;
    within = [this] {
      begun.count_down();
      may_end.wait();
    };
  }
  std::latch begun{1};
  std::latch may_end{1};
};

class Scripted final : public Transport {
 public:
  explicit Scripted(Script& script) : script_(script) {}
  ~Scripted() override { script_.gone = true; }
  IoStatus handshake() override {
    if (script_.within) script_.within();
    script_.threads.push_back(std::this_thread::get_id());
    return script_.steps.at(script_.done++);
  }
  [[nodiscard]] bool handshake_is_long() const override { return script_.done < script_.long_steps; }
  IoResult read(char*, std::size_t) override { return {IoStatus::want_read}; }
  IoResult write(const char*, std::size_t size) override { return {IoStatus::ok, size}; }
  [[nodiscard]] bool has_buffered() const override { return false; }
  void shutdown() override {}
  [[nodiscard]] std::string last_error() const override { return "said no"; }

 private:
  Script& script_;
};

struct Served final : ConnectionHandler {
  Served(Loop& on, int fd, Script& script) : loop(on), connection(std::make_unique<Connection>(on, *this, fd, "", 1)) {
    EXPECT_TRUE(connection->start());
    connection->secure(std::make_unique<Scripted>(script));
  }
  bool on_bytes(std::string_view) override { return true; }
  void on_secured() override {
    secured_on = std::this_thread::get_id();
    loop.stop();
  }
  [[nodiscard]] std::size_t queue_limit() override { return 0; }
  void on_closed(CloseReason reason) override {
    closed = reason;
    loop.stop();
  }

  Loop& loop;
  std::optional<std::thread::id> secured_on;
  std::optional<CloseReason> closed;
  std::unique_ptr<Connection> connection;
};

class HandshakeElsewhere : public ::testing::Test {
 protected:
  HandshakeElsewhere() { loop_.set_handshakes(&threads_); }
  ~HandshakeElsewhere() override {
    threads_.stop();
    for (const int fd : far_) ::close(fd);
  }
  // A connection whose socket always has something to read.
  std::unique_ptr<Served> serve(Script& script) {
    std::array<int, 2> ends{};
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends.data()), 0);
    far_.push_back(ends[1]);
    EXPECT_EQ(::write(ends[1], "x", 1), 1);
    return std::make_unique<Served>(loop_, ends[0], script);
  }
  [[nodiscard]] bool far_end_is_open() const {
    char byte = 0;
    return ::recv(far_.back(), &byte, 1, 0) < 0 && errno == EAGAIN;
  }
  // `act` on the loop's thread, while the other one is in the step that `held` is held in.
  void while_in(Held& held, std::function<void()> act) {
    // The first is posted in front of the event that begins the handshake.
    loop_.post([this, &held, act] {
      loop_.post([&held, act] {
        held.begun.wait();
        act();
      });
    });
  }

  Handshakes threads_{1};
  Loop loop_;
  std::vector<int> far_;
};

TEST_F(HandshakeElsewhere, RunsLongStepsThereAndShortOnesHere) {
  Script script{.steps = {IoStatus::want_read, IoStatus::ok}, .long_steps = 1};
  const auto one = serve(script);
  loop_.run();
  ASSERT_EQ(script.threads.size(), 2u);
  EXPECT_NE(script.threads[0], std::this_thread::get_id());
  EXPECT_EQ(script.threads[1], std::this_thread::get_id());
  EXPECT_EQ(one->secured_on, std::this_thread::get_id());
  EXPECT_TRUE(one->connection->secured());
}

TEST_F(HandshakeElsewhere, MayEndThere) {
  Script script{.steps = {IoStatus::want_write, IoStatus::ok}, .long_steps = 2};
  const auto one = serve(script);
  loop_.run();
  EXPECT_EQ(script.threads.size(), 2u);
  EXPECT_EQ(one->secured_on, std::this_thread::get_id());
}

TEST_F(HandshakeElsewhere, FailsWithItsReason) {
  Script script{.steps = {IoStatus::failed}, .long_steps = 1};
  const auto one = serve(script);
  loop_.run();
  EXPECT_EQ(one->closed, CloseReason::error);
  EXPECT_EQ(one->connection->transport_error(), "said no");
  EXPECT_FALSE(one->connection->secured());
}

TEST_F(HandshakeElsewhere, KeepsTheSocketOfAConnectionThatEndsMeanwhile) {
  Held script(IoStatus::ok);
  const auto one = serve(script);
  while_in(script, [&] {
    EXPECT_GT(one->connection->memory(), 0u);
    one->connection->close_now(CloseReason::by_us);
  });
  loop_.run();
  EXPECT_EQ(one->closed, CloseReason::by_us);
  EXPECT_FALSE(script.gone);
  EXPECT_TRUE(far_end_is_open());
  script.may_end.count_down();
  threads_.stop();
  loop_.run();  // what came back finds nobody
  EXPECT_TRUE(script.gone);
  EXPECT_FALSE(far_end_is_open());
  EXPECT_FALSE(one->secured_on);
}

TEST_F(HandshakeElsewhere, IsNotBegunForAConnectionThatIsGone) {
  Held first(IoStatus::failed);
  Script second{.steps = {IoStatus::ok}, .long_steps = 1};
  const auto one = serve(first);
  auto other = serve(second);
  while_in(first, [&] {
    other.reset();
    first.may_end.count_down();
  });
  loop_.run();
  threads_.stop();
  EXPECT_EQ(second.done, 0u);
  EXPECT_TRUE(second.gone);
  EXPECT_FALSE(far_end_is_open());
  EXPECT_EQ(one->closed, CloseReason::error);
}

TEST_F(HandshakeElsewhere, IsHereWhereNobodyElseTakesIt) {
  threads_.stop();
  Script script{.steps = {IoStatus::want_read, IoStatus::ok}, .long_steps = 2};
  const auto one = serve(script);
  loop_.run();
  ASSERT_EQ(script.threads.size(), 2u);
  EXPECT_EQ(script.threads[0], std::this_thread::get_id());
  EXPECT_EQ(one->secured_on, std::this_thread::get_id());
}

}  // namespace
}  // namespace valise::net
