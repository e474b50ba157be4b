#include "modules/presence/directed.hpp"

#include <gtest/gtest.h>

namespace {

using valise::core::Jid;
using valise::modules::presence::Directed;

Jid jid(const std::string& text) { return *Jid::parse(text); }

TEST(Directed, RemembersEachAddressOnceAndFullOnesApart) {
  Directed directed;
  EXPECT_TRUE(directed.add(jid("room@c.x/me")));
  EXPECT_TRUE(directed.add(jid("room@c.x/me")));
  EXPECT_TRUE(directed.add(jid("room@c.x")));
  EXPECT_EQ(directed.size(), 2u);
}

TEST(Directed, ForgetsWhoWasToldOfTheEnd) {
  Directed directed;
  EXPECT_TRUE(directed.add(jid("a@x")));
  EXPECT_TRUE(directed.add(jid("b@x")));
  directed.remove(jid("a@x"));
  directed.remove(jid("never@x"));
  EXPECT_EQ(directed.take(), std::vector<Jid>{jid("b@x")});
  EXPECT_EQ(directed.size(), 0u);
}

TEST(Directed, KnowsWhoWasToldAndAllDevicesOfAnAccountThatWas) {
  Directed directed;
  EXPECT_TRUE(directed.add(jid("a@x")));
  EXPECT_TRUE(directed.add(jid("room@x/me")));
  for (const auto* told : {"a@x", "a@x/phone", "room@x/me"}) EXPECT_TRUE(directed.knows(jid(told))) << told;
  for (const auto* other : {"room@x", "room@x/you", "b@x", "b@x/me"}) EXPECT_FALSE(directed.knows(jid(other))) << other;
}

TEST(Directed, IsBounded) {
  Directed directed;
  for (std::size_t i = 0; i < Directed::most; ++i) EXPECT_TRUE(directed.add(jid("u" + std::to_string(i) + "@x")));
  EXPECT_FALSE(directed.add(jid("one-more@x")));
  EXPECT_TRUE(directed.add(jid("u7@x")));  // known already
  directed.remove(jid("u7@x"));
  EXPECT_TRUE(directed.add(jid("one-more@x")));
}

}  // namespace
