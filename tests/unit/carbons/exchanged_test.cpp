#include "modules/carbons/exchanged.hpp"

#include <gtest/gtest.h>

#include <string>

namespace {
using valise::modules::carbons::Exchanged;

TEST(Exchanged, KnowsWhatItWasToldOfByPeerAndId) {
  Exchanged exchanged;
  EXPECT_FALSE(exchanged.knows("bob@x", "m1"));
  exchanged.remember("bob@x", "m1");
  EXPECT_TRUE(exchanged.knows("bob@x", "m1"));
  EXPECT_FALSE(exchanged.knows("carol@x", "m1"));
  EXPECT_FALSE(exchanged.knows("bob@x", "m2"));
  EXPECT_FALSE(exchanged.knows("bob@xm", "1"));
}

TEST(Exchanged, WithoutAnIdThereIsNothingToAnswer) {
  Exchanged exchanged;
  exchanged.remember("bob@x", "");
  EXPECT_FALSE(exchanged.knows("bob@x", ""));
}

TEST(Exchanged, ForgetsTheOldestFirst) {
  Exchanged exchanged;
  for (std::size_t i = 0; i < Exchanged::most + 2; ++i) exchanged.remember("bob@x", std::to_string(i));
  EXPECT_FALSE(exchanged.knows("bob@x", "0"));
  EXPECT_FALSE(exchanged.knows("bob@x", "1"));
  for (std::size_t i = 2; i < Exchanged::most + 2; ++i) EXPECT_TRUE(exchanged.knows("bob@x", std::to_string(i))) << i;
}

}  // namespace
