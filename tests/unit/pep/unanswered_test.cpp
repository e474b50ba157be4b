// XEP-0060 §8.6: which forms an owner was shown.
#include <gtest/gtest.h>

#include "modules/pep/part.hpp"

namespace valise::modules::pep {
namespace {

TEST(PepUnanswered, OnceAboutAPersonAndANodeUntilItIsAnswered) {
  Unanswered unanswered;
  EXPECT_TRUE(unanswered.first("n", "bob@x"));
  EXPECT_FALSE(unanswered.first("n", "bob@x"));
  EXPECT_TRUE(unanswered.first("m", "bob@x"));
  EXPECT_TRUE(unanswered.first("n", "carol@x"));
  unanswered.answered("n", "bob@x");
  EXPECT_TRUE(unanswered.first("n", "bob@x"));
  unanswered.forget("n");
  EXPECT_TRUE(unanswered.first("n", "bob@x"));
  EXPECT_FALSE(unanswered.first("m", "bob@x"));
}

TEST(PepUnanswered, NoMoreThanSoMuch) {
  Unanswered unanswered;
  for (std::size_t i = 0; i < max_asked; ++i) EXPECT_TRUE(unanswered.first("n", std::to_string(i)));
  EXPECT_FALSE(unanswered.first("n", "one more"));
  unanswered.answered("n", "7");
  EXPECT_TRUE(unanswered.first("n", "one more"));
}

}  // namespace
}  // namespace valise::modules::pep
