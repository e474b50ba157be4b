#include "selftest/accounts.hpp"

#include <gtest/gtest.h>

#include "selftest/entry.hpp"

namespace valise::ctl::selftest {
namespace {

constexpr char digits[] = "0123456789abcdef0123456789abcdef";

TEST(ThrowAway, IsKnownByItsWholeName) {
  EXPECT_TRUE(is_throw_away(std::string("omemo-selftest-") + digits + "@example.org", "example.org"));
  EXPECT_FALSE(is_throw_away(std::string("omemo-selftest-") + digits + "@example.org", "example.net"));
  EXPECT_FALSE(is_throw_away(std::string("omemo-selftest-") + digits + "0@example.org", "example.org"));
  EXPECT_FALSE(is_throw_away(std::string("omemo-selftest-") + digits + "@sub.example.org", "example.org"));
  EXPECT_FALSE(is_throw_away("omemo-selftest-@example.org", "example.org"));
  EXPECT_FALSE(is_throw_away("omemo-selftest-0123456789ABCDEF0123456789abcdef@example.org", "example.org"));
  EXPECT_FALSE(is_throw_away("alice@example.org", "example.org"));
}

TEST(Entry, IsOneOfTheListenersAsThisMachineReachesIt) {
  const auto shown = [](std::string_view listener) {
    const auto entry = entry_of(listener);
    return entry ? text_of(*entry) : std::string("none");
  };
  EXPECT_EQ(shown("192.0.2.1:5222"), "192.0.2.1:5222");
  EXPECT_EQ(shown("0.0.0.0:5222"), "127.0.0.1:5222");
  EXPECT_EQ(shown("*:5222"), "127.0.0.1:5222");
  EXPECT_EQ(shown("[::]:5222"), "[::1]:5222");
  EXPECT_EQ(shown("[2001:db8::1]:15222"), "[2001:db8::1]:15222");
  for (const auto* none :
       {"", ":", "5222", "192.0.2.1", "192.0.2.1:", ":5222", "192.0.2.1:0", "192.0.2.1:65536", "192.0.2.1:5222x"}) {
    EXPECT_EQ(shown(none), "none") << none;
  }
}

}  // namespace
}  // namespace valise::ctl::selftest
