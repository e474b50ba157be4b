#include "modules/invitation_page/guesses.hpp"

#include <gtest/gtest.h>

namespace valise::modules::invitation_page {
namespace {

TEST(InvitationGuesses, AreBoundedByNetworkAndForgottenWithTime) {
  Guesses guesses;
  guesses.set_limit(3);
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(guesses.attempt("a", 0));
  EXPECT_FALSE(guesses.attempt("a", 0));
  EXPECT_FALSE(guesses.attempt("a", 1'199'000)) << "what was refused did not count";
  EXPECT_TRUE(guesses.attempt("b", 0)) << "nobody pays for another network";
  EXPECT_TRUE(guesses.attempt("a", 1'200'001));
  EXPECT_FALSE(guesses.attempt("a", 1'200'001));
  EXPECT_EQ(guesses.wait_s(), 1'201U);
}

TEST(InvitationGuesses, WhatWasNoWrongOneIsTakenBack) {
  Guesses guesses;
  guesses.set_limit(1);
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(guesses.attempt("a", 0));
    guesses.take_back("a", 0);
  }
  guesses.take_back("a", 0);
  EXPECT_TRUE(guesses.attempt("a", 0));
  EXPECT_FALSE(guesses.attempt("a", 0)) << "nothing is saved up";
}

TEST(InvitationGuesses, TheTableIsBounded) {
  Guesses guesses;
  guesses.set_limit(1);
  EXPECT_TRUE(guesses.attempt("first", 0));
  for (std::size_t i = 0; i < Guesses::most_networks - 1; ++i) (void)guesses.attempt("n" + std::to_string(i), 0);
  EXPECT_FALSE(guesses.attempt("first", 0)) << "seen just now: it is kept";
  EXPECT_TRUE(guesses.attempt("one more", 0));
  EXPECT_EQ(guesses.size(), Guesses::most_networks);
  EXPECT_FALSE(guesses.attempt("first", 0));
  EXPECT_TRUE(guesses.attempt("n0", 0)) << "the one that was seen longest ago is forgotten";
}

}  // namespace
}  // namespace valise::modules::invitation_page
