#include <gtest/gtest.h>

#include "base/crypto.hpp"
#include "scram.hpp"

namespace valise::bench {
namespace {

// The server's side of RFC 5802 §3, written out.
struct FakeServer {
  std::string salted = crypto::pbkdf2(crypto::Hash::sha1, "pencil", "salt", 4096);

  std::string first(const std::string& client_first) const {
    return "r=" + client_first.substr(client_first.find(",r=") + 3) + "tail,s=" + crypto::base64_encode("salt") +
           ",i=4096";
  }
  std::string auth_message(const std::string& client_first, const std::string& client_final) const {
    return client_first.substr(3) + "," + first(client_first) + "," + client_final.substr(0, client_final.find(",p="));
  }
};

TEST(ScramClient, ProvesThePasswordAndChecksTheServer) {
  SaltedPasswords cache;
  const FakeServer server;
  ScramClient client(crypto::Hash::sha1, "user", "pencil", cache);
  const auto last = client.final(server.first(client.first()));
  ASSERT_TRUE(last);
  const auto message = server.auth_message(client.first(), *last);

  auto key = crypto::base64_decode(last->substr(last->find(",p=") + 3));
  ASSERT_TRUE(key && key->size() == 20);
  const auto stored = crypto::digest(crypto::Hash::sha1, crypto::hmac(crypto::Hash::sha1, server.salted, "Client Key"));
  const auto mask = crypto::hmac(crypto::Hash::sha1, stored, message);
  for (std::size_t i = 0; i < key->size(); ++i) (*key)[i] = static_cast<char>((*key)[i] ^ mask[i]);
  EXPECT_EQ(crypto::digest(crypto::Hash::sha1, *key), stored);

  const auto server_key = crypto::hmac(crypto::Hash::sha1, server.salted, "Server Key");
  EXPECT_TRUE(client.verify("v=" + crypto::base64_encode(crypto::hmac(crypto::Hash::sha1, server_key, message))));
  EXPECT_FALSE(client.verify("v=" + crypto::base64_encode(std::string(20, 'x'))));
}

TEST(ScramClient, RefusesANonceThatIsNotItsOwn) {
  SaltedPasswords cache;
  ScramClient client(crypto::Hash::sha1, "user", "pencil", cache);
  EXPECT_FALSE(client.final("r=foreign,s=c2FsdA==,i=4096"));
}

TEST(SaltedPasswords, AreComputedOnce) {
  SaltedPasswords cache;
  (void)cache.get(crypto::Hash::sha1, "u", "p", "s", 100);
  (void)cache.get(crypto::Hash::sha1, "u", "p", "s", 100);
  EXPECT_EQ(cache.computed(), 1);
  (void)cache.get(crypto::Hash::sha256, "u", "p", "s", 100);
  EXPECT_EQ(cache.computed(), 2);
}

}  // namespace
}  // namespace valise::bench
