// docs/security.md §3: 80 % of limits.memory, 90 %, and what is given back.
#include "main/memory_watch.hpp"

#include <gtest/gtest.h>

namespace valise {
namespace {

using core::MemoryState;
constexpr std::uint64_t MiB = 1024 * 1024;

TEST(MemoryWatch, IsHighFrom80PercentAndCriticalFrom90) {
  const auto state = [](std::uint64_t resident) { return memory_state(resident, 1000, MemoryState::enough); };
  EXPECT_EQ(state(799), MemoryState::enough);
  EXPECT_EQ(state(800), MemoryState::high);
  EXPECT_EQ(state(899), MemoryState::high);
  EXPECT_EQ(state(900), MemoryState::critical);
}

TEST(MemoryWatch, LeavesAStateFivePointsBelowWhereItBegins) {
  EXPECT_EQ(memory_state(850, 1000, MemoryState::critical), MemoryState::critical);
  EXPECT_EQ(memory_state(849, 1000, MemoryState::critical), MemoryState::high);
  EXPECT_EQ(memory_state(750, 1000, MemoryState::high), MemoryState::high);
  EXPECT_EQ(memory_state(749, 1000, MemoryState::high), MemoryState::enough);
  EXPECT_EQ(memory_state(749, 1000, MemoryState::critical), MemoryState::enough);
}

// docs/security.md §3: what strangers hold shuts nobody out.
TEST(MemoryWatch, MeasuresItsStateWithoutWhatStrangersHold) {
  const auto needs = [](std::uint64_t strangers) { return memory_needs(850, strangers, 1000, MemoryState::enough); };
  EXPECT_EQ(needs(0).state, MemoryState::high);
  EXPECT_EQ(needs(50).state, MemoryState::high);
  EXPECT_EQ(needs(51).state, MemoryState::enough);
  EXPECT_EQ(memory_needs(850, 900, 1000, MemoryState::enough).state, MemoryState::enough) << "an estimate";
}

TEST(MemoryWatch, StrangersGiveBackFrom80PercentDownTo75AndTheYoungOnesFrom90) {
  const auto needs = [](std::uint64_t resident) { return memory_needs(resident, 500, 1000, MemoryState::enough); };
  EXPECT_EQ(needs(799).from_strangers, 0u);
  EXPECT_EQ(needs(800).from_strangers, 50u);
  EXPECT_FALSE(needs(899).crowded);
  EXPECT_EQ(needs(900).from_strangers, 150u);
  EXPECT_TRUE(needs(900).crowded);
  EXPECT_EQ(needs(900).state, MemoryState::enough);
}

TEST(MemoryWatch, GivesBackMuchAtOnceAndLessWithinAMinute) {
  TrimPolicy policy;
  EXPECT_FALSE(policy.is_due(20 * MiB, 1'000));  // the program itself
  EXPECT_FALSE(policy.is_due(28 * MiB - 1, 2'000));
  EXPECT_TRUE(policy.is_due(28 * MiB, 3'000));
  policy.gave_back(22 * MiB, 3'000);  // the rest lies between what is in use
  EXPECT_FALSE(policy.is_due(22 * MiB, 4'000));
  EXPECT_FALSE(policy.is_due(25 * MiB, 62'999));
  EXPECT_TRUE(policy.is_due(25 * MiB, 63'000));
  policy.gave_back(20 * MiB, 63'000);
  EXPECT_FALSE(policy.is_due(22 * MiB - 1, 123'000));
}

TEST(MemoryWatch, MeasuresThisProcess) {
  MemoryWatch watch;
  EXPECT_GT(available_memory(), 64 * MiB);
  EXPECT_EQ(watch.look(0, 0, 0, MemoryState::enough).state, MemoryState::enough);
  EXPECT_GT(watch.resident(), MiB);
  EXPECT_EQ(watch.limit(), available_memory());
  EXPECT_EQ(watch.look(static_cast<std::int64_t>(MiB), 0, 0, MemoryState::enough).state, MemoryState::critical);
}

TEST(MemoryWatch, WhatStrangersHeldAtTheLastLookStillMayBeOnItsWayBack) {
  MemoryWatch watch;
  (void)watch.look(0, 0, 0, MemoryState::enough);
  const auto resident = watch.resident();
  const auto limit = static_cast<std::int64_t>(resident + resident / 8);  // 89 %
  EXPECT_EQ(watch.look(limit, 1, resident / 2, MemoryState::enough).state, MemoryState::enough);
  EXPECT_EQ(watch.look(limit, 2, 0, MemoryState::enough).state, MemoryState::enough);
  EXPECT_EQ(watch.look(limit, 3, 0, MemoryState::enough).state, MemoryState::high);
}

}  // namespace
}  // namespace valise
