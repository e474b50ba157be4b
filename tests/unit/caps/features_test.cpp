#include "modules/caps/features.hpp"

#include <gtest/gtest.h>

#include <thread>

namespace valise::modules::caps {
namespace {

FeaturesRef features(std::vector<std::string> all) { return FeaturesRef(new Features(std::move(all))); }

TEST(CapsFeatures, KnowWhatTheyHaveAndWhatTheyWant) {
  const auto client = features({"urn:b+notify", "urn:a", "+notify", "urn:c+notify"});
  EXPECT_TRUE(client->has("urn:a"));
  EXPECT_TRUE(client->has("urn:b+notify"));
  EXPECT_FALSE(client->has("urn:b"));
  EXPECT_EQ(client->notify(), (std::vector<std::string>{"urn:b", "urn:c"}));
}

TEST(CapsCache, TheFirstAnswerStays) {
  SharedCache cache(4, 1'000'000);
  cache.put("k", features({"a"}));
  cache.put("k", features({"b"}));
  EXPECT_TRUE(cache.find("k")->has("a"));
  EXPECT_FALSE(cache.find("other"));
}

TEST(CapsCache, WhatIsUsedOutlivesAFloodOfOthers) {
  SharedCache cache(4, 1'000'000);
  cache.put("popular", features({"a"}));
  for (int i = 0; i < 100; ++i) {
    EXPECT_TRUE(cache.find("popular")) << i;
    cache.put(std::to_string(i), features({"x"}));
    EXPECT_LE(cache.size(), 4u);
  }
  EXPECT_FALSE(cache.find("0"));
  EXPECT_TRUE(cache.find("99"));
}

TEST(CapsCache, IsBoundedInBytesToo) {
  SharedCache cache(4096, 64 * 1024);
  const std::string text(500, 'x');
  for (int i = 0; i < 1000; ++i) {
    cache.put(std::to_string(i), features({text, text + "+notify"}));
    ASSERT_LE(cache.bytes(), 64u * 1024);
  }
  EXPECT_TRUE(cache.find("999"));
  EXPECT_GT(cache.size(), 10u);
  cache.put("vast", features({std::string(5000, 'x')}));  // more than a sixteenth
  EXPECT_FALSE(cache.find("vast"));
}

// Under ThreadSanitizer this is what it is for.
TEST(CapsCache, ManyThreadsShareIt) {
  SharedCache cache(16, 1'000'000);
  std::vector<std::jthread> threads;
  for (int thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&cache] {
      for (int i = 0; i < 2000; ++i) {
        const auto key = std::to_string(i % 40);
        if (const auto known = cache.find(key)) {
          EXPECT_TRUE(known->has(key));
        } else {
          cache.put(key, features({key}));
        }
      }
    });
  }
  threads.clear();
  EXPECT_LE(cache.size(), 16u);
}

}  // namespace
}  // namespace valise::modules::caps
