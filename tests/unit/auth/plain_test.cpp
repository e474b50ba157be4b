#include "core/auth/plain.hpp"

#include <gtest/gtest.h>

namespace valise::core::auth {
namespace {

using namespace std::string_literals;

Condition refusal(std::string_view message) {
  const auto login = parse_plain(message, "example.com");
  EXPECT_FALSE(login);
  return login ? Condition::aborted : login.error().condition;
}

TEST(Plain, GivesAccountAndPassword) {
  const auto login = parse_plain("\0Alice\0s3cret"s, "example.com");
  ASSERT_TRUE(login);
  EXPECT_EQ(login->account.full(), "alice@example.com");
  EXPECT_EQ(login->password, "s3cret");
}

TEST(Plain, TheOwnBareJidMayBeNamedAsAuthzid) {
  EXPECT_TRUE(parse_plain("alice@example.com\0alice\0x"s, "example.com"));
  EXPECT_TRUE(parse_plain("ALICE@Example.com\0alice\0x"s, "example.com"));
  EXPECT_EQ(refusal("bob@example.com\0alice\0x"s), Condition::invalid_authzid);
  EXPECT_EQ(refusal("alice@example.com/r\0alice\0x"s), Condition::invalid_authzid);
  EXPECT_EQ(refusal("alice@example.net\0alice\0x"s), Condition::invalid_authzid);
  EXPECT_EQ(refusal("alice\0alice\0x"s), Condition::invalid_authzid);
}

TEST(Plain, WrongShapesAreMalformed) {
  for (const auto& message :
       {""s, "alice"s, "\0alice"s, "\0alice\0"s, "\0\0x"s, "\0alice\0x\0y"s, "\0alice\0"s + std::string(1'024, 'x')}) {
    EXPECT_EQ(refusal(message), Condition::malformed_request) << testing::PrintToString(message);
  }
}

TEST(Plain, ANameThatIsNoLocalPartIsNotAuthorized) {
  EXPECT_EQ(refusal("\0alice@example.com\0x"s), Condition::not_authorized);
  EXPECT_EQ(refusal("\0a\xFF\0x"s), Condition::not_authorized);
}

}  // namespace
}  // namespace valise::core::auth
