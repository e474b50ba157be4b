#include "core/departure.hpp"

#include <gtest/gtest.h>

#include <string>

namespace valise::core {
namespace {

struct Traveller final : Departure {
  Traveller(std::string& seen_, char name_, std::size_t keeps_ = 0) : seen(seen_), name(name_), keeps(keeps_) {}
  void departed(bool sent) override { (seen += name) += sent ? '+' : '-'; }
  std::size_t waits() override {
    (seen += name) += '?';
    return keeps;
  }
  std::string& seen;
  const char name;
  const std::size_t keeps;
};

struct DepartureOrder : testing::Test {
  std::string seen;
  Departures departures;
  Traveller a{seen, 'a', 10}, b{seen, 'b', 200}, c{seen, 'c', 3'000};
};

TEST_F(DepartureOrder, EachLeavesWithItsBytesAndTheRestIsGivenBack) {
  EXPECT_TRUE(departures.empty());
  departures.wait(a, 5);
  departures.wait(b, 5);
  departures.wait(c, 9);
  departures.sent(4);
  EXPECT_EQ(seen, "");
  departures.sent(8);
  EXPECT_EQ(seen, "a+b+");
  departures.wait(a, 12);
  departures.give_back();
  EXPECT_EQ(seen, "a+b+c-a-");
  EXPECT_TRUE(departures.empty());
  departures.wait(b, 20);
  departures.sent(20);
  EXPECT_EQ(seen, "a+b+c-a-b+");
}

TEST_F(DepartureOrder, WhatWaitsIsAskedOnceAndWeighsUntilItLeaves) {
  EXPECT_EQ(departures.stuck(), 0u);
  departures.wait(a, 1);
  departures.wait(b, 2);
  EXPECT_EQ(departures.kept(), 0u);
  EXPECT_EQ(departures.stuck(), 210u);
  departures.wait(c, 3);
  EXPECT_EQ(departures.stuck(), 3'210u);
  EXPECT_EQ(departures.stuck(), 3'210u);
  EXPECT_EQ(seen, "a?b?c?");
  departures.sent(2);
  EXPECT_EQ(departures.stuck(), 3'000u);
  departures.sent(3);
  EXPECT_EQ(departures.stuck(), 0u);
  departures.wait(a, 4);
  EXPECT_EQ(departures.stuck(), 10u);
  departures.give_back();
  EXPECT_EQ(departures.kept(), 0u);
  EXPECT_EQ(seen, "a?b?c?a+b+c+a?a-");
}

}  // namespace
}  // namespace valise::core
