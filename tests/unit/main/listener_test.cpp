#include "net/listener.hpp"

#include <gmock/gmock.h>
#include <sys/socket.h>
#include <unistd.h>

namespace valise::net {
namespace {

using testing::HasSubstr;

void close_all(const std::vector<int>& sockets) {
  for (const int fd : sockets) ::close(fd);
}

TEST(BindSockets, GivesAllOfThemOnePort) {
  const auto bound = bind_sockets("127.0.0.1:0", 3);
  ASSERT_TRUE(bound) << bound.error().text;
  ASSERT_EQ(bound->size(), 3u);
  EXPECT_EQ(local_endpoint((*bound)[0]), local_endpoint((*bound)[2]));
  close_all(*bound);
}

TEST(BindSockets, RefusesAnAddressOnWhichSomebodyListens) {
  const auto first = bind_sockets("127.0.0.1:0", 2);
  ASSERT_TRUE(first);
  ASSERT_EQ(::listen((*first)[0], 1), 0);
  const auto second = bind_sockets(local_endpoint((*first)[0]), 2);
  ASSERT_FALSE(second);
  EXPECT_THAT(second.error().text, HasSubstr("in use"));
  close_all(*first);
}

TEST(BindSockets, TakesTheStarForAllAddresses) {
  const auto bound = bind_sockets("*:0", 1);
  ASSERT_TRUE(bound) << bound.error().text;
  EXPECT_THAT(local_endpoint(bound->front()), HasSubstr("0.0.0.0:"));
  close_all(*bound);
}

}  // namespace
}  // namespace valise::net
