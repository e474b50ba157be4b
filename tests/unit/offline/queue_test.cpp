#include "modules/offline/queue.hpp"

#include <gtest/gtest.h>

namespace {

using namespace valise;
using modules::offline::content_digest;
using modules::offline::Mark;
using modules::offline::mark_of;
using modules::offline::Queue;

storage::BoxMessage row(std::uint64_t id, std::string stanza_id) {
  return {.id = id, .from = "a@x/r", .to = "b@x", .stanza_id = std::move(stanza_id), .digest = content_digest("c")};
}
Mark mark(const std::string& stanza_id) { return mark_of("a@x/r", "b@x", stanza_id, content_digest("c")); }

TEST(Mark, DiffersByEachPart) {
  const auto one = mark_of("f", "t", "i", "d");
  EXPECT_EQ(one, mark_of("f", "t", "i", "d"));
  EXPECT_NE(one, mark_of("F", "t", "i", "d"));
  EXPECT_NE(one, mark_of("f", "T", "i", "d"));
  EXPECT_NE(one, mark_of("f", "t", "I", "d"));
  EXPECT_NE(one, mark_of("f", "t", "i", "D"));
  EXPECT_NE(mark_of("ab", "c", "i", "d"), mark_of("a", "bc", "i", "d"));
}

TEST(Queue, RecognisesARowThatIsStoredNotOneThatIsMerelyExpected) {
  Queue queue;
  queue.expect(mark("1"));
  EXPECT_EQ(queue.size(), 1u);
  EXPECT_FALSE(queue.is_stored(mark("1")));
  queue.learn(row(10, "1"));
  EXPECT_EQ(queue.size(), 1u);
  EXPECT_TRUE(queue.is_stored(mark("1")));
  EXPECT_TRUE(queue.is_settled());
}

TEST(Queue, LearnsARowOnce) {
  Queue queue;
  queue.learn(row(10, "1"));
  queue.learn(row(10, "1"));
  queue.learn(row(9, "0"));
  EXPECT_EQ(queue.size(), 1u);
  queue.remove({10});
  queue.learn(row(10, "1"));  // an old page that was read before
  EXPECT_EQ(queue.size(), 0u);
}

TEST(Queue, GivesUpWhatFailedButNotWhatCameLater) {
  Queue queue;
  queue.expect(mark("1"));
  queue.expect(mark("2"));
  const auto count = queue.expected();
  queue.expect(mark("3"));
  queue.learn(row(10, "2"));
  queue.settle(count);
  EXPECT_EQ(queue.size(), 2u);  // 2 stored, 3 expected; 1 never became durable
  EXPECT_FALSE(queue.is_stored(mark("1")));
  EXPECT_TRUE(queue.is_stored(mark("2")));
  EXPECT_FALSE(queue.is_settled());
  queue.learn(row(11, "3"));
  EXPECT_TRUE(queue.is_settled());
}

TEST(Queue, TheSameMessageTwiceIsTwoRows) {
  Queue queue;
  queue.expect(mark("1"));
  queue.expect(mark("1"));
  queue.learn(row(10, "1"));
  EXPECT_FALSE(queue.is_settled());
  queue.learn(row(11, "1"));
  EXPECT_TRUE(queue.is_settled());
  EXPECT_EQ(queue.size(), 2u);
  queue.remove({10});
  EXPECT_TRUE(queue.is_stored(mark("1")));
  queue.remove({11});
  EXPECT_FALSE(queue.is_stored(mark("1")));
}

}  // namespace
