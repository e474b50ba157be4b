#include "core/auth/external.hpp"

#include <gtest/gtest.h>

namespace valise::core::auth {
namespace {

bool served(std::string_view domain) { return domain == "x.example" || domain == "y.example"; }

std::vector<Jid> accounts(const std::vector<std::string>& names) { return certificate_accounts(names, served); }

std::string account(const std::vector<std::string>& names, std::string_view authzid) {
  const auto outcome = external_account(accounts(names), authzid, "x.example");
  return outcome ? outcome->str() : std::string(condition_name(outcome.error().condition));
}

TEST(External, NamesOfPeopleOfThisServerAreAccounts) {
  EXPECT_EQ(accounts({"Alice@X.example", "alice@x.example", "bob@y.example"}).size(), 2u);
  EXPECT_TRUE(accounts({"", "x.example", "alice@x.example/desk", "alice@z.example", "alice@@x.example",
                        "\xFF@x.example", std::string("alice\0@x.example", 16), std::string(4'000, 'a') + "@x.example"})
                  .empty());
}

TEST(External, IsOfferedAtTheHostOfOneOfThem) {
  EXPECT_TRUE(has_account_of(accounts({"bob@y.example", "alice@x.example"}), "x.example"));
  EXPECT_FALSE(has_account_of(accounts({"bob@y.example"}), "x.example"));
  EXPECT_FALSE(has_account_of({}, "x.example"));
}

TEST(External, OneAddressNeedsNoAuthzid) {
  EXPECT_EQ(account({"alice@x.example"}, ""), "alice@x.example");
  EXPECT_EQ(account({"alice@x.example", "alice@z.example"}, ""), "alice@x.example");
  EXPECT_EQ(account({"alice@x.example"}, "ALICE@x.example"), "alice@x.example");
}

TEST(External, SeveralAddressesNeedOne) {
  const std::vector<std::string> both{"alice@x.example", "bob@x.example"};
  EXPECT_EQ(account(both, ""), "invalid-authzid");
  EXPECT_EQ(account(both, "bob@x.example"), "bob@x.example");
  EXPECT_EQ(account({"alice@x.example", "alice@y.example"}, ""), "invalid-authzid");
}

TEST(External, AnAuthzidIsOneOfThemAtThisHost) {
  for (const auto* wrong :
       {"bob@x.example", "alice@y.example", "x.example", "alice@x.example/desk", "alice", "@", "\xFF"}) {
    EXPECT_EQ(account({"alice@x.example", "alice@y.example"}, wrong), "invalid-authzid") << wrong;
  }
  EXPECT_EQ(account({"alice@x.example"}, std::string_view("alice@x.example\0", 16)), "malformed-request");
}

TEST(External, WithoutAnAccountHereNothingOpens) {
  EXPECT_EQ(account({}, ""), "not-authorized");
  EXPECT_EQ(account({"alice@y.example"}, ""), "not-authorized");
  EXPECT_EQ(account({"alice@y.example"}, "alice@y.example"), "not-authorized");
}

}  // namespace
}  // namespace valise::core::auth
