#include "core/requests.hpp"

#include <gtest/gtest.h>

namespace valise::core {
namespace {

TEST(Requests, AreTakenOnceByTheirId) {
  Requests requests;
  int answers = 0;
  requests.add("a", 10, [&](StanzaPtr) { ++answers; });
  EXPECT_FALSE(requests.take("b"));
  auto answer = requests.take("a");
  ASSERT_TRUE(answer);
  answer(nullptr);
  EXPECT_EQ(answers, 1);
  EXPECT_FALSE(requests.take("a"));
}

TEST(Requests, AreBounded) {
  Requests requests;
  for (std::size_t i = 0; i < Requests::max; ++i) {
    EXPECT_FALSE(requests.is_full());
    requests.add(std::to_string(i), 10, [](StanzaPtr) {});
  }
  EXPECT_TRUE(requests.is_full());
  EXPECT_TRUE(requests.take("3"));
  EXPECT_FALSE(requests.is_full());
}

TEST(Requests, ThatAreLateMakeRoomAndTheOthersStay) {
  Requests requests;
  std::vector<Requests::Answer> late;
  requests.add("old", 10, [](StanzaPtr) {});
  requests.add("new", 20, [](StanzaPtr) {});
  requests.take_late(9, late);
  EXPECT_TRUE(late.empty());
  requests.take_late(10, late);
  EXPECT_EQ(late.size(), 1u);
  EXPECT_FALSE(requests.take("old"));
  EXPECT_TRUE(requests.take("new"));
}

}  // namespace
}  // namespace valise::core
