// Who wants much of a loop's turns waits in a line; who wants little does not wait for them.
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "net/connection.hpp"

namespace valise::net {
namespace {

constexpr std::size_t much = 100'000;

// One end of a pair of sockets; what it reads is counted by the turns of its loop.
struct Reader final : ConnectionHandler {
  Reader(Loop& on, int fd) : loop(on), connection(on, *this, fd, "192.0.2.1", 1) { EXPECT_TRUE(connection.start()); }
  bool on_bytes(std::string_view bytes) override {
    read += bytes.size();
    by_turn[loop.turn()] += bytes.size();
    if (on_read) on_read();
    return !connection.closed();
  }
  void on_secured() override {}
  [[nodiscard]] std::size_t queue_limit() override { return 0; }
  void on_closed(CloseReason) override {}

  Loop& loop;
  std::size_t read = 0;
  std::map<std::uint64_t, std::size_t> by_turn;
  std::function<void()> on_read;
  Connection connection;
};

class Shares : public ::testing::Test {
 protected:
  ~Shares() override {
    readers_.clear();
    for (const int fd : far_) ::close(fd);
  }
  Reader& gets(std::size_t bytes) {
    std::array<int, 2> ends{};
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends.data()), 0);
    far_.push_back(ends[1]);
    const std::string text(bytes, 'x');
    EXPECT_EQ(::write(ends[1], text.data(), text.size()), static_cast<ssize_t>(text.size()));
    readers_.push_back(std::make_unique<Reader>(loop_, ends[0]));
    return *readers_.back();
  }
  void run_until(std::function<bool()> is_over) {
    for (const auto& reader : readers_) {
      reader->on_read = [this, &is_over] {
        if (is_over()) loop_.stop();
      };
    }
    loop_.run();
  }
  [[nodiscard]] bool all_read(std::size_t bytes) const {
    return std::ranges::all_of(readers_, [bytes](const auto& reader) { return reader->read >= bytes; });
  }

  Loop loop_;
  std::vector<std::unique_ptr<Reader>> readers_;
  std::vector<int> far_;
};

TEST_F(Shares, AreOfOneInATurn) {
  for (int i = 0; i < 20; ++i) gets(much);
  run_until([this] { return all_read(much); });
  std::map<std::uint64_t, std::size_t> by_turn;
  for (const auto& reader : readers_) {
    EXPECT_EQ(reader->read, much);
    for (const auto& [turn, bytes] : reader->by_turn) by_turn[turn] += bytes;
  }
  by_turn.erase(by_turn.begin());  // all begin in the first turn, with one read each
  for (const auto& [turn, bytes] : by_turn) EXPECT_LE(bytes, 4'096u) << turn;
}

TEST_F(Shares, GoRound) {
  for (int i = 0; i < 20; ++i) gets(much);
  run_until([this] { return all_read(3u * 4'096); });
  for (const auto& reader : readers_) EXPECT_LE(reader->read, 4u * 4'096);
}

TEST_F(Shares, HoldNobodyUpWhoWantsLittle) {
  for (int i = 0; i < 20; ++i) gets(much);
  auto& little = gets(10);
  const int far = far_.back();
  int times = 1;
  run_until([&, seen = std::size_t{0}]() mutable {
    if (little.read > seen) {
      seen = little.read;
      if (++times <= 10) {
        EXPECT_EQ(::write(far, "0123456789", 10), 10);
      }
    }
    return little.read == 100;
  });
  // It was read in each turn, while the others took turns.
  EXPECT_EQ(little.by_turn.size(), 10u);
  EXPECT_LE(little.by_turn.rbegin()->first - little.by_turn.begin()->first, 10u);
  EXPECT_LT(readers_.front()->read, much);
}

TEST_F(Shares, AreGivenUpByWhoPausesOrEnds) {
  auto& pauses = gets(much);
  auto& ends = gets(much);
  auto& other = gets(much);
  run_until([&] {
    pauses.connection.pause_reading();
    if (!ends.connection.closed()) ends.connection.close_now(CloseReason::by_us);
    return other.read == much;
  });
  EXPECT_LE(pauses.read, 4'096u);
  EXPECT_LE(ends.read, 4'096u);
}

}  // namespace
}  // namespace valise::net
