#include "core/account.hpp"

#include <gtest/gtest.h>

#include <string>

namespace valise::core {
namespace {

struct AccountOrder : testing::Test {
  Account account{*Jid::parse("alice@x.org")};
  std::string seen;
  void says(const char* what) {
    account.in_order([this, what] { seen += what; });
  }
};

TEST_F(AccountOrder, WhatWaitsComesBehindTheCommitsThatWereUnderWay) {
  says("a");
  account.commit_begun();
  says("b");
  account.commit_begun();
  says("c");
  EXPECT_EQ(seen, "a");
  account.commit_ended();
  EXPECT_EQ(seen, "ab");
  EXPECT_FALSE(account.idle());
  account.commit_ended();
  EXPECT_EQ(seen, "abc");
  EXPECT_TRUE(account.idle());
}

TEST_F(AccountOrder, AUnitThatWasRefusedAtOnceCountsForNoneThatIsUnderWay) {
  account.commit_begun();
  says("a");
  account.commit_begun();
  says("b");  // said while the refusal is told
  account.commit_ended(true);
  says("c");
  EXPECT_EQ(seen, "") << "the first still is under way";
  account.commit_ended();
  EXPECT_EQ(seen, "abc");
  EXPECT_TRUE(account.idle());
}

TEST_F(AccountOrder, AChangeThatIsBeingCommittedWeighsUntilItIsBack) {
  account.commit_begun(1'000);
  account.in_order([] {}, 100);
  EXPECT_GE(account.waiting_bytes(), 1'100u);
  account.commit_begun(500);
  account.commit_ended(true, 500);
  EXPECT_LT(account.waiting_bytes(), 1'500u);
  account.commit_ended(false, 1'000);
  EXPECT_EQ(account.waiting_bytes(), 0u);
}

TEST_F(AccountOrder, WhatIsSaidWhileARefusalIsToldIsNotForgotten) {
  account.commit_begun();
  says("a");
  account.commit_ended(true);
  EXPECT_EQ(seen, "a");
  EXPECT_TRUE(account.idle());
}

TEST_F(AccountOrder, WhatWaitedMayBeginCommitsAndSayMore) {
  account.commit_begun();
  account.in_order([this] {
    account.commit_begun();
    says("b");
    account.commit_ended(true);
    seen += "a";
    EXPECT_FALSE(account.idle());
  });
  says("c");
  account.commit_ended();
  EXPECT_EQ(seen, "acb") << "in the order in which they began to wait";
  EXPECT_TRUE(account.idle());
}

// RFC 6121 §3.1.6: an approval that waited, and the presence that came right behind it.
TEST_F(AccountOrder, WhatWaitedBehindAChangeThatWaitedComesBehindItsCommit) {
  account.commit_begun();
  account.in_order([this] { account.commit_begun(); });
  says("b");
  says("c");
  account.commit_ended();
  EXPECT_EQ(seen, "") << "the change is under way";
  says("d");
  seen += "a";  // told as its commit ends
  account.commit_ended();
  EXPECT_EQ(seen, "abcd");
  EXPECT_TRUE(account.idle());
}

TEST_F(AccountOrder, AChangeThatWaitedAndIsRefusedAtOnceHoldsNothingUp) {
  account.commit_begun();
  account.in_order([this] {
    account.commit_begun();
    account.commit_ended(true);
  });
  says("b");
  account.commit_ended();
  EXPECT_EQ(seen, "b");
  EXPECT_TRUE(account.idle());
}

TEST_F(AccountOrder, WhatComesWhileAPlaceIsHeldWaitsBehindItAndBehindTheCommitsThatBeganThere) {
  account.hold_order();
  says("b");
  account.commit_begun();
  account.commit_ended();
  EXPECT_EQ(seen, "");
  account.commit_begun();
  account.release_order();
  says("c");
  EXPECT_EQ(seen, "");
  EXPECT_FALSE(account.idle());
  seen += "a";
  account.commit_ended();
  EXPECT_EQ(seen, "abc");
  EXPECT_TRUE(account.idle());
}

TEST_F(AccountOrder, WhatTakesTheHeldPlaceComesBehindTheCommitsUnderWayAndBeforeAllThatWaits) {
  account.commit_begun();
  account.hold_order();
  says("b");
  account.first_in_order(
      [this] {
        seen += "a";
        account.release_order();
      },
      100);
  EXPECT_GE(account.waiting_bytes(), 100u);
  EXPECT_EQ(seen, "");
  account.commit_ended();
  EXPECT_EQ(seen, "ab");
  EXPECT_EQ(account.waiting_bytes(), 0u);
  EXPECT_TRUE(account.idle());
}

TEST_F(AccountOrder, ARefusalWhileAPlaceIsHeldHoldsNothingUp) {
  account.commit_begun();
  account.commit_begun();
  account.hold_order();
  says("b");
  account.first_in_order([this] { seen += "a"; }, 0);
  account.commit_ended(true);
  account.commit_begun();
  says("c");
  account.commit_ended(true);
  account.commit_ended();
  EXPECT_EQ(seen, "a") << "the others wait for the end of what it is held for";
  account.release_order();
  EXPECT_EQ(seen, "abc");
  EXPECT_TRUE(account.idle());
}

struct Count final : Part {
  int value = 0;
};

TEST(AccountPart, IsEmptyToWhoReadsUntilSomebodyChangesIt) {
  Account account{*Jid::parse("alice@x.org")};
  const unsigned slot = 3;
  EXPECT_EQ(account.part_or_empty<Count>(slot).value, 0);
  EXPECT_EQ(account.part<Count>(slot), nullptr) << "reading makes none";
  auto& made = account.ensure_part<Count>(slot);
  made.value = 7;
  (void)account.ensure_part<Count>(slot + 20);
  EXPECT_EQ(&account.ensure_part<Count>(slot), &made) << "it stays where it is";
  EXPECT_EQ(account.part_or_empty<Count>(slot).value, 7);
  EXPECT_EQ(account.part_or_empty<Count>(slot + 1).value, 0);
}

}  // namespace
}  // namespace valise::core
