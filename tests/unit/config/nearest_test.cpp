#include "config/nearest.hpp"

#include <gtest/gtest.h>

#include <array>

namespace valise::config {
namespace {

constexpr std::array<std::string_view, 4> names{"limits.stanza", "sealed.mode", "shards", "node"};

TEST(Nearest, FindsOneSlipOfTheHand) {
  EXPECT_EQ(nearest("sealed.mod", names), "sealed.mode");    // missing
  EXPECT_EQ(nearest("seaaled.mode", names), "sealed.mode");  // doubled
  EXPECT_EQ(nearest("shrads", names), "shards");             // swapped
  EXPECT_EQ(nearest("Limits.Stanza", names), "limits.stanza");
}

TEST(Nearest, IsSilentWhenNothingIsNear) {
  EXPECT_EQ(nearest("xyzzyplugh", names), "");
  EXPECT_EQ(nearest("", names), "");
  EXPECT_EQ(nearest(std::string(129, 's'), names), "");
  EXPECT_EQ(nearest("x", std::span<const std::string_view>{}), "");
  EXPECT_EQ(nearest_hint("xyzzyplugh", names), "");
}

}  // namespace
}  // namespace valise::config
