#include "base/hourly_count.hpp"

#include <gtest/gtest.h>

namespace valise {
namespace {

constexpr auto hour = HourlyCount::hour_ms;

TEST(HourlyCount, TheHourBeginsWithTheFirst) {
  HourlyCount count;
  EXPECT_TRUE(count.is_over(0));
  count.add(hour - 1);
  count.add(hour + 1);  // a clock's hour later
  EXPECT_FALSE(count.has_room(2, 2 * hour - 2));
  EXPECT_TRUE(count.has_room(3, 2 * hour - 2));
  EXPECT_TRUE(count.has_room(2, 2 * hour - 1));
  count.add(2 * hour);
  EXPECT_FALSE(count.has_room(1, 3 * hour - 1)) << "of the new hour, one";
  EXPECT_TRUE(count.has_room(2, 3 * hour - 1));
}

TEST(HourlyCount, WhatIsTakenBackDoesNotCount) {
  HourlyCount count;
  count.add(5);
  count.take_back();
  count.take_back();
  EXPECT_TRUE(count.has_room(1, 6));
  EXPECT_TRUE(count.is_over(6));
}

}  // namespace
}  // namespace valise
