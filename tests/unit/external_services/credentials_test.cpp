#include "modules/external_services/credentials.hpp"

#include <gtest/gtest.h>

#include "base/crypto.hpp"

namespace valise::modules::external_services {
namespace {

TEST(TurnCredentials, ArePseudonymousAndWhatARelayComputes) {
  const auto made = make_credentials("north wind and the sun", "alice@example.org", 1'700'000'000);
  EXPECT_TRUE(made.username.starts_with("1700000000:"));
  EXPECT_EQ(made.username.size(), 11u + 24u);
  EXPECT_EQ(made.password,
            crypto::base64_encode(crypto::hmac(crypto::Hash::sha1, "north wind and the sun", made.username)));
}

TEST(TurnCredentials, OneAccountHasOnePseudonymAndNobodyElsesIsThat) {
  const auto pseudonym = [](std::string_view secret, std::string_view bare, std::int64_t expires) {
    return make_credentials(secret, bare, expires).username.substr(11);
  };
  const auto alice = pseudonym("a secret of some length", "alice@example.org", 1'700'000'000);
  EXPECT_EQ(alice, pseudonym("a secret of some length", "alice@example.org", 1'700'000'001));
  EXPECT_NE(alice, pseudonym("a secret of some length", "bob@example.org", 1'700'000'000));
  EXPECT_NE(alice, pseudonym("another secret of length", "alice@example.org", 1'700'000'000));
  EXPECT_EQ(alice.find("alice"), std::string::npos);
}

}  // namespace
}  // namespace valise::modules::external_services
