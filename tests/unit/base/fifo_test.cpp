#include "base/fifo.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <new>
#include <ranges>
#include <vector>

// Blocks that operator new gave and that are not given back; sanitizers have their own.
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define COUNTS_BLOCKS
namespace {
std::atomic<int> blocks{0};
}
[[gnu::noinline]] void* operator new(std::size_t size) {
  ++blocks;
  if (void* block = std::malloc(size == 0 ? 1 : size)) return block;
  throw std::bad_alloc();
}
[[gnu::noinline]] void operator delete(void* block) noexcept {
  if (block != nullptr) --blocks;
  std::free(block);
}
[[gnu::noinline]] void operator delete(void* block, std::size_t) noexcept { operator delete(block); }
#endif

namespace valise {
namespace {

// As requests are: it can be moved, not assigned.
struct Item {
  explicit Item(int value_) : value(std::make_unique<int>(value_)) {}
  Item(Item&&) = default;
  Item& operator=(Item&&) = delete;
  std::unique_ptr<int> value;
};

TEST(Fifo, GivesInOrderWhatItTook) {
  Fifo<Item> line;
  int in = 0, out = 0;
  // Grows, shrinks and is closed up on the way.
  for (int round = 0; round < 50; ++round) {
    for (int i = 0; i < 7; ++i) line.push(Item(in++));
    for (int i = 0; i < (round < 25 ? 3 : 11) && !line.empty(); ++i) {
      EXPECT_EQ(*line.front().value, out);
      EXPECT_EQ(*line.take().value, out++);
    }
    EXPECT_EQ(line.size(), static_cast<std::size_t>(in - out));
  }
  while (!line.empty()) EXPECT_EQ(*line.take().value, out++);
  EXPECT_EQ(in, out);
}

TEST(Fifo, ShowsWhatIsLeftForwardsAndBackwards) {
  Fifo<int> line;
  for (int i = 0; i < 5; ++i) line.push(i);
  (void)line.take();
  EXPECT_EQ(std::vector<int>(line.begin(), line.end()), (std::vector<int>{1, 2, 3, 4}));
  std::vector<int> reversed;
  for (auto& one : line | std::views::reverse) reversed.push_back(one);
  EXPECT_EQ(reversed, (std::vector<int>{4, 3, 2, 1}));
}

TEST(Fifo, WhatWasTakenMayPushMore) {
  Fifo<int> line;
  line.push(1);
  const int taken = line.take();
  line.push(taken + 1);
  EXPECT_EQ(line.take(), 2);
  EXPECT_TRUE(line.empty());
}

TEST(Fifo, TakesInAtTheFrontWhereSomethingWasTakenAndWhereNothingWas) {
  Fifo<int> line;
  line.push_front(2);
  line.push(3);
  line.push_front(1);
  EXPECT_EQ(line.take(), 1);
  line.push_front(0);
  EXPECT_EQ(line.size(), 3u);
  EXPECT_EQ(std::vector<int>(line.begin(), line.end()), (std::vector<int>{0, 2, 3}));
}

#ifdef COUNTS_BLOCKS
TEST(Fifo, OwnsNothingWhileItIsEmpty) {
  const auto before = blocks.load();
  Fifo<std::uint64_t> line;
  EXPECT_EQ(blocks, before);
  for (std::uint64_t i = 0; i < 1'000; ++i) line.push(i);
  EXPECT_EQ(blocks, before + 1);
  while (!line.empty()) (void)line.take();
  EXPECT_EQ(blocks, before);
}
#endif

}  // namespace
}  // namespace valise
