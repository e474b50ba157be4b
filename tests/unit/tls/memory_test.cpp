// ARCHITECTURE.md "Memory is spent on work, not on waiting". Bytes that OpenSSL holds for one idle server connection.
#include <malloc.h>

#include "tls_pair.hpp"

namespace valise::net {
namespace {

using TlsMemory = TlsFolder;

TEST_F(TlsMemory, AnIdleConnectionHoldsLessThan15KiB) {
  if (mallinfo2().uordblks == 0) GTEST_SKIP() << "this build's allocator does not count";
  const auto server = contexts({.hosts = {host("example.com")}});
  const auto with = client();
  constexpr int count = 50;
  std::vector<std::unique_ptr<TlsPair>> pairs;
  const auto connect = [&] {
    auto pair = std::make_unique<TlsPair>(*server, with.get(), "example.com");
    ASSERT_TRUE(pair->handshake());
    ASSERT_TRUE(pair->send(pair->client.get(), pair->server.get(), std::string(900, 'x')));
    ASSERT_TRUE(pair->send(pair->server.get(), pair->client.get(), std::string(900, 'x')));
    pairs.push_back(std::move(pair));
  };
  for (int i = 0; i < count; ++i) connect();
  ASSERT_EQ(pairs.size(), count);
  // The BIO pair's buffers belong to the test: they go before counting, as a socket would hold none of them.
  for (auto& pair : pairs) SSL_set_bio(pair->server.get(), nullptr, nullptr);
  const auto before = mallinfo2().uordblks;
  for (auto& pair : pairs) pair->server.reset();
  const auto bytes = (before - mallinfo2().uordblks) / count;
  RecordProperty("bytes", std::to_string(bytes));
  EXPECT_LT(bytes, 15u * 1'024);
  EXPECT_GT(bytes, 1'024u);
}

}  // namespace
}  // namespace valise::net
