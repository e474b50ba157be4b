#include "core/auth/brake.hpp"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace valise::core::auth {
namespace {

constexpr std::int64_t second = 1'000;
constexpr std::int64_t hour = 3'600 * second;
constexpr std::int64_t day = 24 * hour;
constexpr std::string_view alice = "alice@example.com";

Network net(const std::string& address) { return *Network::parse(address); }
Network numbered(unsigned i) {
  const std::array<unsigned char, 4> bytes{10, static_cast<unsigned char>(i >> 16), static_cast<unsigned char>(i >> 8),
                                           static_cast<unsigned char>(i)};
  return *Network::from_bytes(bytes);
}

const Network home = net("192.0.2.1");
const Network fresh = net("198.51.100.9");
const Network stranger = net("203.0.113.5");

TEST(Network, IsAnIpv4AddressOrAnIpv6Subnet64) {
  EXPECT_NE(net("192.0.2.1"), net("192.0.2.2"));
  EXPECT_EQ(net("2001:db8:1:2::1"), net("2001:db8:1:2:ffff::9"));
  EXPECT_NE(net("2001:db8:1:2::1"), net("2001:db8:1:3::1"));
  EXPECT_EQ(net("::ffff:192.0.2.1"), net("192.0.2.1"));
  EXPECT_EQ(net("64:ff9b::192.0.2.1"), net("192.0.2.1"));
  EXPECT_NE(net("64:ff9b::192.0.2.1"), net("64:ff9b::192.0.2.2"));
  EXPECT_FALSE(Network::parse("example.com"));
  EXPECT_FALSE(Network::from_bytes({}));
}

TEST(Brake, AFewTyposCostNothing) {
  Brake brake;
  for (int i = 0; i < 10; ++i) EXPECT_EQ(brake.attempt(fresh, alice, i * second), (Brake::Verdict{})) << i;
}

TEST(Brake, ThenTheDelayDoublesUpToItsCeiling) {
  Brake brake;
  for (int i = 0; i < 10; ++i) (void)brake.attempt(stranger, alice, 0);
  EXPECT_EQ(brake.attempt(stranger, alice, 0).delay_ms, 500u);
  EXPECT_EQ(brake.attempt(stranger, alice, 0).delay_ms, 1'000u);
  EXPECT_EQ(brake.attempt(stranger, alice, 0).delay_ms, 2'000u);
  for (int i = 0; i < 20; ++i) (void)brake.attempt(stranger, alice, 0);
  EXPECT_EQ(brake.attempt(stranger, alice, 0), (Brake::Verdict{.delay_ms = 15'000}));
}

TEST(Brake, ANetworkThatGoesOnIsRefusedAndOnlyThatOne) {
  Brake brake;
  int answered = 0;
  while (!brake.attempt(stranger, alice, 0).refused) ASSERT_LT(++answered, 100);
  EXPECT_EQ(answered, 60);
  EXPECT_TRUE(brake.attempt(stranger, "bob@example.com", 0).refused);
  EXPECT_FALSE(brake.attempt(fresh, "bob@example.com", 0).refused);
  EXPECT_FALSE(brake.attempt(fresh, alice, 0).refused);
}

TEST(Brake, ARefusedNetworkIsForgivenHoweverLongItHammered) {
  Brake brake;
  for (int i = 0; i < 100'000; ++i) (void)brake.attempt(stranger, alice, 0);
  EXPECT_TRUE(brake.attempt(stranger, alice, 60 * second).refused);
  EXPECT_FALSE(brake.attempt(stranger, alice, 180 * second).refused);  // one of 20 an hour has leaked
  for (int i = 0; i < 10; ++i) EXPECT_EQ(brake.attempt(stranger, alice, 6 * hour), (Brake::Verdict{})) << i;
}

TEST(Brake, AStrangerHammeringAliceNeverTouchesHerUsualNetwork) {
  Brake brake;
  (void)brake.attempt(home, alice, 0);
  brake.succeeded(home, alice, 0);
  for (std::int64_t t = 0; t < day; t += 10 * second) (void)brake.attempt(stranger, alice, t);
  for (unsigned i = 0; i < 5'000; ++i) (void)brake.attempt(numbered(i), alice, day);
  EXPECT_EQ(brake.attempt(home, alice, day), (Brake::Verdict{}));
}

TEST(Brake, NorKeepsHerOutFromAFreshNetworkForLongerThanFiveSeconds) {
  Brake brake;
  std::uint32_t longest = 0;
  for (unsigned i = 0; i < 5'000; ++i) {
    (void)brake.attempt(numbered(i), alice, i);
    if (i % 100 != 99) continue;
    const auto verdict = brake.attempt(net("198.51.100." + std::to_string(i / 100)), alice, i);
    EXPECT_FALSE(verdict.refused);
    longest = std::max(longest, verdict.delay_ms);
  }
  EXPECT_EQ(longest, 5'000u);
}

TEST(Brake, TwentyWrongPasswordsAnHourThenStrangersWaitForTheAccount) {
  Brake brake;
  for (unsigned i = 0; i < 20; ++i) EXPECT_EQ(brake.attempt(numbered(i), alice, 0).delay_ms, 0u) << i;
  EXPECT_EQ(brake.attempt(numbered(20), alice, 0).delay_ms, 500u);
  EXPECT_EQ(brake.attempt(numbered(21), "bob@example.com", 0).delay_ms, 0u);
}

TEST(Brake, SuccessIsNotCounted) {
  Brake brake;
  for (int i = 0; i < 200; ++i) {
    const auto name = "user" + std::to_string(i) + "@example.com";
    EXPECT_EQ(brake.attempt(home, name, 0), (Brake::Verdict{})) << i;  // a ministry behind one address
    brake.succeeded(home, name, 0);
  }
}

TEST(Brake, WhatTheServerHadNoRoomForIsNotCounted) {
  Brake brake;
  (void)brake.attempt(home, alice, 0);
  brake.succeeded(home, alice, 0);
  for (int i = 0; i < 200; ++i) {
    for (const auto& network : {home, stranger}) {
      EXPECT_EQ(brake.attempt(network, alice, 0), (Brake::Verdict{})) << i;
      brake.take_back(network, alice, 0);
    }
  }
  EXPECT_FALSE(brake.known(stranger, alice, 0)) << "nor is it a log-in";
  for (int i = 0; i < 20; ++i) (void)brake.attempt(stranger, alice, 0);
  brake.take_back(stranger, alice, 0);
  EXPECT_GT(brake.attempt(stranger, alice, 0).delay_ms, 0u) << "one, and no more than one";
}

TEST(Brake, AnOwnLogInDoesNotWashAGuessersNetwork) {
  Brake brake;
  int answered = 0;
  for (int i = 0; i < 200; ++i) {
    if (!brake.attempt(stranger, alice, 0).refused) ++answered;
    (void)brake.attempt(stranger, "mallory@example.com", 0);
    brake.succeeded(stranger, "mallory@example.com", 0);
  }
  EXPECT_LE(answered, 60);
}

TEST(Brake, AKnownPairIsRememberedForThirtyDays) {
  Brake brake;
  brake.succeeded(home, alice, 0);
  EXPECT_TRUE(brake.known(home, alice, 30 * day));
  EXPECT_FALSE(brake.known(home, alice, 30 * day + 1));
  EXPECT_FALSE(brake.known(fresh, alice, 0));
  EXPECT_FALSE(brake.known(home, "bob@example.com", 0));
}

TEST(Brake, EachLogInRenewsTheMemory) {
  Brake brake;
  brake.succeeded(home, alice, 0);
  brake.succeeded(home, alice, 20 * day);
  EXPECT_TRUE(brake.known(home, alice, 45 * day));
  brake.succeeded(home, alice, 100 * day);  // after it had run out
  EXPECT_TRUE(brake.known(home, alice, 101 * day));
}

TEST(Brake, AKnownNetworkWaitsAtMostTwoSecondsForItsOwnMistakesAndIsNeverRefused) {
  Brake brake;
  brake.succeeded(home, alice, 0);
  for (int i = 0; i < 20; ++i) EXPECT_EQ(brake.attempt(home, alice, 0).delay_ms, 0u);
  std::uint32_t longest = 0;
  for (int i = 0; i < 1'000; ++i) {
    const auto verdict = brake.attempt(home, alice, 0);
    EXPECT_FALSE(verdict.refused);
    longest = std::max(longest, verdict.delay_ms);
  }
  EXPECT_EQ(longest, 2'000u);
}

TEST(Brake, ForgetEndsTheTrust) {
  Brake brake;
  brake.succeeded(home, alice, 0);
  brake.forget(alice);
  EXPECT_FALSE(brake.known(home, alice, 0));
}

TEST(Brake, AnAccountKeepsItsLatestNetworks) {
  Brake brake;
  for (unsigned i = 0; i < 10; ++i) brake.succeeded(numbered(i), alice, i);
  EXPECT_TRUE(brake.known(numbered(9), alice, 10));
  EXPECT_TRUE(brake.known(numbered(4), alice, 10));
  EXPECT_FALSE(brake.known(numbered(3), alice, 10));
}

TEST(Brake, MemoryIsBounded) {
  Brake brake({.table = 100});
  for (unsigned i = 0; i < 10'000; ++i) {
    (void)brake.attempt(numbered(i), "a" + std::to_string(i), 0);
    brake.succeeded(numbered(i), "b" + std::to_string(i), 0);
  }
  EXPECT_LE(brake.entries(), 300u);
}

TEST(Brake, ALogInLeavesNothingOfItsAttemptBehind) {
  Brake brake;
  (void)brake.attempt(home, alice, 0);
  EXPECT_EQ(brake.entries(), 2u) << "of its network and of its account";
  brake.succeeded(home, alice, 0);
  EXPECT_EQ(brake.entries(), 2u) << "of its network and the known pair";
}

TEST(Brake, AFloodOfNamesDoesNotPushOutWhoIsKnown) {
  Brake brake({.table = 100});
  brake.succeeded(home, alice, 0);
  for (unsigned i = 0; i < 10'000; ++i) (void)brake.attempt(numbered(i), "a" + std::to_string(i), 0);
  EXPECT_TRUE(brake.known(home, alice, 0));
}

TEST(Brake, AClockThatStepsBackForgivesNothingAndHarmsNobody) {
  Brake brake;
  for (int i = 0; i < 100; ++i) (void)brake.attempt(stranger, alice, day);
  EXPECT_TRUE(brake.attempt(stranger, alice, 0).refused);
  EXPECT_FALSE(brake.attempt(stranger, alice, day + hour).refused);
}

TEST(Brake, ThreadsMayUseItAtOnce) {
  Brake brake;
  std::vector<std::thread> threads;
  for (unsigned t = 0; t < 4; ++t) {
    threads.emplace_back([&brake, t] {
      for (unsigned i = 0; i < 1'000; ++i) {
        (void)brake.attempt(stranger, alice, 0);
        brake.succeeded(numbered(t), alice, 0);
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_TRUE(brake.known(numbered(0), alice, 0));
}

// A guesser fills his network's bucket; who logged in from there before the restart is let in all the same.
TEST(Brake, ARestartForgetsNoKnownPair) {
  Brake before;
  before.succeeded(home, alice, 5 * day);
  before.succeeded(fresh, "bob@example.com", 20 * day);
  const auto saved = before.known_pairs(31 * day, 1'000 * day);
  Brake after;
  ASSERT_TRUE(after.restore(saved, 2 * hour, 1'000 * day + 2 * hour));
  for (int i = 0; i < 100; ++i) (void)after.attempt(home, "guessed" + std::to_string(i) + "@example.com", 2 * hour);
  EXPECT_TRUE(after.attempt(home, "carol@example.com", 2 * hour).refused);
  EXPECT_EQ(after.attempt(home, alice, 2 * hour), (Brake::Verdict{}));
  EXPECT_TRUE(after.known(fresh, "bob@example.com", 2 * hour));
  EXPECT_FALSE(after.known(home, "bob@example.com", 2 * hour));
  EXPECT_FALSE(after.known(home, alice, 5 * day)) << "30 days since the log-in, the restart between them";
}

TEST(Brake, WhatIsNoSavedTableChangesNothing) {
  Brake before;
  before.succeeded(home, alice, 0);
  const auto saved = before.known_pairs(0, 0);
  for (const auto& broken : {std::string(), saved.substr(1), saved + "x", saved.substr(0, 20)}) {
    EXPECT_FALSE(before.restore(broken, 0, 0));
    EXPECT_TRUE(before.known(home, alice, 0));
  }
}

}  // namespace
}  // namespace valise::core::auth
