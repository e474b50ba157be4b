#include "core/commit_line.hpp"

#include <gtest/gtest.h>

#include <map>
#include <random>

namespace valise::core {
namespace {

constexpr std::size_t crowd = 10'000;
constexpr std::size_t large = 20'000;

class CommitLineTest : public testing::Test {
 protected:
  // `from`, `to`: 0 and 0 for a unit that names nobody.
  void push(std::uint64_t number, std::size_t from, std::size_t to, std::size_t bytes = 1'000, bool waited_for = true) {
    auto unit = std::make_unique<Unit>();
    unit->id = number;
    unit->people = {from, to};
    unit->nobody_waits = !waited_for;
    line.push(std::move(unit), bytes);
  }
  std::vector<std::uint64_t> take(std::size_t units = 500, std::size_t bytes = SIZE_MAX) {
    std::vector<CommitLine::Waiting> taken;
    line.take(taken, units, bytes);
    std::vector<std::uint64_t> numbers;
    for (const auto& one : taken) numbers.push_back(one.unit->id);
    return numbers;
  }

  using Numbers = std::vector<std::uint64_t>;
  CommitLine line{crowd};
};

TEST_F(CommitLineTest, WithoutACrowdAllKeepTheirPlace) {
  push(1, 1, 2);
  push(2, 3, 4);
  push(3, 1, 2);
  EXPECT_EQ(line.size(), 3u);
  EXPECT_EQ(take(), (Numbers{1, 2, 3}));
  EXPECT_TRUE(line.empty());
}

TEST_F(CommitLineTest, WhoHasNothingInACrowdPassesIt) {
  push(1, 1, 2, large);
  push(2, 1, 2, large);
  push(3, 3, 4);
  push(4, 3, 4);
  EXPECT_EQ(line.size(), 4u);
  EXPECT_EQ(take(500, large), (Numbers{3, 4, 1}));
  EXPECT_EQ(take(), Numbers{2});
}

TEST_F(CommitLineTest, NeitherTheSenderNorTheRecipientOfWhatIsInItPasses) {
  push(1, 1, 2, large);
  push(2, 1, 3);
  push(3, 3, 2);
  push(4, 2, 5);
  push(5, 5, 1);
  push(6, 6, 3);  // to whom the second is
  EXPECT_EQ(take(), (Numbers{1, 2, 3, 4, 5, 6}));
}

TEST_F(CommitLineTest, WhoIsThroughMayPassAgain) {
  push(1, 1, 2, large);
  push(2, 3, 4, large);
  EXPECT_EQ(take(500, 1), Numbers{1});
  push(3, 1, 2);
  EXPECT_EQ(take(), (Numbers{3, 2}));
}

TEST_F(CommitLineTest, NothingPassesAUnitThatNamesNobody) {
  push(1, 1, 2, large);
  push(2, 0, 0);
  push(3, 3, 4);
  EXPECT_EQ(take(), (Numbers{1, 2, 3}));
}

TEST_F(CommitLineTest, ARecordForWhichNobodyWaitsIsPassed) {
  push(1, 1, 2, large);
  push(2, 0, 0, 100, false);
  push(3, 3, 4);
  EXPECT_EQ(take(), (Numbers{3, 1, 2}));
}

TEST_F(CommitLineTest, WhatIsLargeOrNamesNobodyDoesNotPass) {
  push(1, 1, 2, large);
  push(2, 3, 4, CommitLine::small + 1);
  push(3, 0, 0);
  EXPECT_EQ(take(), (Numbers{1, 2, 3}));
}

TEST_F(CommitLineTest, TheLineGoesOnWhateverPasses) {
  push(1, 1, 2, large);
  push(2, 1, 2, large);
  for (std::uint64_t i = 0; i < CommitLine::most_passing + 1; ++i) push(10 + i, 3, 4);
  const auto first = take(1, 1);
  ASSERT_EQ(first.size(), CommitLine::most_passing + 1);
  EXPECT_EQ(first.front(), 10u);
  EXPECT_EQ(first.back(), 1u);
  EXPECT_EQ(take(), (Numbers{2, 10 + CommitLine::most_passing}));
}

// Whatever comes: of each person, as sender or as recipient, everything in the order in which it came, and nothing
// lost.
TEST_F(CommitLineTest, NobodysOrderChanges) {
  std::mt19937 random(1);
  std::map<std::size_t, std::uint64_t> newest;
  std::map<std::uint64_t, std::array<std::size_t, 2>> people;
  std::size_t overtaken = 0;
  std::uint64_t pushed = 0, taken = 0, last = 0;
  const auto look = [&](const Numbers& numbers) {
    for (const auto number : numbers) {
      overtaken += number < last ? 1 : 0;
      last = number;
      ++taken;
      for (const auto person : people[number]) {
        EXPECT_LT(newest[person], number);
        newest[person] = number;
      }
    }
  };
  for (int turn = 0; turn < 20'000; ++turn) {
    const auto units = random() % 4;
    for (unsigned i = 0; i < units; ++i) {
      const auto from = 1 + random() % 40, to = 41 + random() % 40;
      people[++pushed] = {from, to};
      push(pushed, from, to, from < 4 ? large : 500);
    }
    if (random() % 2 == 0) look(take(8, 15'000));
  }
  look(take(SIZE_MAX, SIZE_MAX));
  EXPECT_EQ(taken, pushed);
  EXPECT_GT(overtaken, 100u) << "none passed: the test shows nothing";
}

}  // namespace
}  // namespace valise::core
