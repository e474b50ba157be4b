// A connection that is being closed: what the other end still sends is dropped, and the goodbye arrives.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <optional>
#include <string>
#include <thread>

#include "net/connection.hpp"

namespace valise::net {
namespace {

struct Ending final : ConnectionHandler {
  Ending(Loop& on, int fd) : loop(on), connection(on, *this, fd, "127.0.0.1", 1) { EXPECT_TRUE(connection.start()); }
  bool on_bytes(std::string_view bytes) override {
    read += bytes.size();
    connection.send("goodbye");
    connection.close_after_flush(linger_ms);
    return true;
  }
  void on_secured() override {}
  [[nodiscard]] std::size_t queue_limit() override { return 0; }
  void on_closed(CloseReason reason) override {
    closed = reason;
    loop.stop();
  }

  Loop& loop;
  std::int64_t linger_ms = 60'000;
  std::size_t read = 0;
  std::optional<CloseReason> closed;
  Connection connection;
};

class Closing : public ::testing::Test {
 protected:
  Closing() {
    const int listener = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* general = reinterpret_cast<sockaddr*>(&address);
    EXPECT_EQ(::bind(listener, general, size), 0);
    EXPECT_EQ(::listen(listener, 1), 0);
    EXPECT_EQ(::getsockname(listener, general, &size), 0);
    far_ = ::socket(AF_INET, SOCK_STREAM, 0);
    EXPECT_EQ(::connect(far_, general, size), 0);
    near_ = ::accept4(listener, nullptr, nullptr, SOCK_NONBLOCK);
    ::close(listener);
  }
  ~Closing() override { ::close(far_); }
  void writes(const std::string& bytes) const {
    for (std::size_t at = 0; at < bytes.size();) {
      const auto sent = ::send(far_, bytes.data() + at, bytes.size() - at, MSG_NOSIGNAL);
      ASSERT_GT(sent, 0);
      at += static_cast<std::size_t>(sent);
    }
  }
  // All that comes until the end; nullopt: a reset.
  [[nodiscard]] std::optional<std::string> reads() const {
    std::string all;
    for (;;) {
      char piece[64];
      const auto got = ::recv(far_, piece, sizeof piece, 0);
      if (got < 0) return std::nullopt;
      if (got == 0) return all;
      all.append(piece, static_cast<std::size_t>(got));
    }
  }

  Loop loop_;
  int far_ = -1;
  int near_ = -1;
};

TEST_F(Closing, DropsWhatStillComesAndEndsWithTheOtherEnd) {
  Ending ending(loop_, near_);
  std::thread other([this] {
    writes("x");
    EXPECT_EQ(reads(), "goodbye");
    writes(std::string(8'000'000, 'y'));  // more than the sockets hold: it is taken
    ::shutdown(far_, SHUT_WR);
    EXPECT_EQ(reads(), "");  // and no reset
  });
  loop_.run();
  other.join();
  EXPECT_EQ(ending.closed, CloseReason::by_us);
  EXPECT_EQ(ending.read, 1u);
}

TEST_F(Closing, EndsInTimeWithoutAReset) {
  Ending ending(loop_, near_);
  ending.linger_ms = 20;
  std::thread other([this] {
    writes("x" + std::string(100, 'y'));
    EXPECT_EQ(reads(), "goodbye");
    writes(std::string(100, 'z'));  // too little to wake anybody
  });
  loop_.run();
  other.join();
  EXPECT_EQ(ending.closed, CloseReason::by_us);
}

}  // namespace
}  // namespace valise::net
