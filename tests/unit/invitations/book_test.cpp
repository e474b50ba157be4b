#include "modules/invitations/book.hpp"

#include <gtest/gtest.h>

#include <set>

namespace valise::modules::invitations {
namespace {

Invitation invitation(std::string id, unsigned uses = 1) {
  return {.id = std::move(id),
          .host = "a.example",
          .inviter = "romeo@a.example",
          .account = true,
          .contact = true,
          .uses = uses,
          .created_ms = 1,
          .expires_ms = 100};
}

TEST(InvitationToken, IsLongRandomAndPlain) {
  std::set<std::string> tokens;
  for (int i = 0; i < 1000; ++i) tokens.insert(new_token());
  EXPECT_EQ(tokens.size(), 1000U);
  std::set<char> letters;
  for (const auto& token : tokens) {
    EXPECT_EQ(token.size(), 32U);  // 160 bits
    letters.insert(token.begin(), token.end());
    EXPECT_EQ(id_of(token).size(), 64U);
  }
  EXPECT_EQ(std::string(letters.begin(), letters.end()), "234567abcdefghijklmnopqrstuvwxyz");
}

TEST(InvitationToken, WhatCanBeNoneHasNoId) {
  for (const auto* wrong : {"", "short", "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", "abcdefghijklmnopqrstuvwxyz2345678",
                            "abcdefghijklmnopqrstuvwxyz23456!"}) {
    EXPECT_EQ(id_of(wrong), "") << wrong;
  }
}

TEST(InvitationRow, IsReadAsItWasWritten) {
  auto one = invitation("id", 3);
  one.name = "a'b&c";
  one.groups = {"Friends & <family>", "Équipe"};
  const auto back = read("id", write(one));
  ASSERT_TRUE(back);
  EXPECT_EQ(write(*back), write(one));
  EXPECT_EQ(back->groups, one.groups);
  EXPECT_EQ(back->name, one.name);
  EXPECT_EQ(back->uses, 3U);
  EXPECT_EQ(back->expires_ms, 100);
  for (const auto* wrong :
       {"", "<invitation/>", "<other/>", "<invitation host='a' uses='x' created='1' expires='1'/>"}) {
    EXPECT_FALSE(read("id", wrong)) << wrong;
  }
}

TEST(InvitationRow, SaysWhenItWasOver) {
  EXPECT_EQ(read_over(write_over(1'234)), 1'234);
  for (const auto* wrong : {"", "<over/>", "<over at='x'/>", "<over at=''/>", "<invitation at='1'/>"}) {
    EXPECT_FALSE(read_over(wrong)) << wrong;
  }
  EXPECT_FALSE(read("id", write_over(1)));
  EXPECT_FALSE(read_over(write(invitation("id"))));
}

TEST(InvitationBook, KnowsForAWhileWhatIsOver) {
  Book book;
  EXPECT_TRUE(book.add_over("b", 20).empty());
  EXPECT_TRUE(book.add_over("a", 10).empty());
  EXPECT_TRUE(book.add_over("c", 30).empty());
  EXPECT_TRUE(book.add_over("a", 40).empty()) << "the first time counts";
  EXPECT_TRUE(book.is_over("a"));
  EXPECT_EQ(book.forget_over(20, 9), std::vector<std::string>{"a"});
  EXPECT_FALSE(book.is_over("a"));
  EXPECT_EQ(book.forget_over(100, 1), std::vector<std::string>{"b"}) << "so many at most";
  EXPECT_TRUE(book.is_over("c"));
}

TEST(InvitationBook, ForgetsTheOldestBeyondItsBound) {
  Book book;
  for (std::size_t i = 0; i < Book::most_over; ++i) {
    EXPECT_TRUE(book.add_over("id" + std::to_string(i), static_cast<std::int64_t>(i)).empty());
  }
  EXPECT_EQ(book.add_over("one more", 1'000'000), std::vector<std::string>{"id0"});
  EXPECT_TRUE(book.is_over("one more") && book.is_over("id1") && !book.is_over("id0"));
}

TEST(InvitationBook, AUseIsSomebodysUntilItEnds) {
  Book book;
  book.add(invitation("one"));
  EXPECT_TRUE(book.begin("one", "juliet@a.example"));
  EXPECT_FALSE(book.is_open("one"));
  EXPECT_FALSE(book.begin("one", "mercutio@a.example"));
  EXPECT_FALSE(book.finish("one", "juliet@a.example", false));
  EXPECT_TRUE(book.begin("one", "mercutio@a.example"));
  EXPECT_TRUE(book.finish("one", "mercutio@a.example", true)) << "the last use";
  EXPECT_FALSE(book.is_open("one"));
  EXPECT_FALSE(book.begin("one", "juliet@a.example"));
  EXPECT_EQ(book.find("one")->used, 1U);
  EXPECT_FALSE(book.begin("nonsense", "juliet@a.example"));
}

TEST(InvitationBook, NobodyUsesOneTwice) {
  Book book;
  book.add(invitation("one", 3));
  EXPECT_TRUE(book.begin("one", "juliet@a.example"));
  EXPECT_FALSE(book.begin("one", "juliet@a.example"));
  EXPECT_FALSE(book.finish("one", "juliet@a.example", true));
  EXPECT_FALSE(book.begin("one", "juliet@a.example"));
  EXPECT_TRUE(book.begin("one", "mercutio@a.example"));
}

TEST(InvitationBook, KeepsANameUntilItsTimeIsOver) {
  Book book;
  auto named = invitation("one");
  named.name = "juliet";
  book.add(named);
  EXPECT_TRUE(book.is_kept("juliet", "other", 99));
  EXPECT_TRUE(book.is_kept("juliet", "", 99));
  EXPECT_FALSE(book.is_kept("juliet", "one", 99));
  EXPECT_FALSE(book.is_kept("juliet", "other", 100));
  EXPECT_FALSE(book.is_kept("mercutio", "other", 99));
}

TEST(InvitationBook, WhatRunsOutWhileItIsUsedStays) {
  Book book;
  book.add(invitation("one", 2));
  EXPECT_TRUE(book.expired(99).empty());
  EXPECT_EQ(book.expired(100), std::vector<std::string>{"one"});
  EXPECT_TRUE(book.begin("one", "juliet@a.example"));
  EXPECT_TRUE(book.expired(100).empty());
}

TEST(InvitationBook, IsFoundByTheBeginningOfItsId) {
  Book book;
  book.add(invitation("abc1"));
  book.add(invitation("abc2"));
  bool several = false;
  EXPECT_EQ(book.find_beginning("abc", several), nullptr);
  EXPECT_TRUE(several);
  ASSERT_NE(book.find_beginning("abc2", several), nullptr);
  EXPECT_FALSE(several);
  EXPECT_EQ(book.find_beginning("abd", several), nullptr);
  EXPECT_EQ(book.count_of("romeo@a.example", 99), 2U);
  EXPECT_EQ(book.count_of("romeo@a.example", 100), 0U);
}

}  // namespace
}  // namespace valise::modules::invitations
