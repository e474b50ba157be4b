#include "modules/offline/queue.hpp"

#include <gtest/gtest.h>

namespace {

using namespace valise;
using modules::offline::content_digest;
using modules::offline::Mark;
using modules::offline::mark_of;
using modules::offline::Queue;

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

TEST(Queue, RecognisesARowThatIsStoredNotOneThatIsOnItsWay) {
  Queue queue;
  queue.expect();
  EXPECT_EQ(queue.size(), 1u);
  EXPECT_FALSE(queue.is_stored(mark("1")));
  queue.came_back(10, mark("1"));
  EXPECT_EQ(queue.size(), 1u);
  EXPECT_TRUE(queue.is_stored(mark("1")));
}

TEST(Queue, ForgetsWhatWasNotStored) {
  Queue queue;
  queue.expect();
  queue.expect();
  queue.came_back(0, mark("1"));
  queue.came_back(10, mark("2"));
  EXPECT_EQ(queue.size(), 1u);
  EXPECT_EQ(queue.expected(), 2u);
  EXPECT_FALSE(queue.is_stored(mark("1")));
  EXPECT_TRUE(queue.is_stored(mark("2")));
}

TEST(Queue, RemembersTheNewestThatItHad) {
  Queue queue;
  for (std::uint64_t id = 1; id <= 130; ++id) queue.learn(id, mark(std::to_string(id)));
  EXPECT_TRUE(queue.has_had(1));
  EXPECT_FALSE(queue.has_had(131));
  for (std::uint64_t id = 1; id <= 129; ++id) queue.remove({id});
  EXPECT_FALSE(queue.has_had(1)) << "129 were removed";
  EXPECT_TRUE(queue.has_had(2));
  EXPECT_FALSE(queue.holds(2));
  EXPECT_TRUE(queue.has_had(130)) << "it waits";
}

TEST(Queue, TheSameMessageTwiceIsTwoRows) {
  Queue queue;
  queue.learn(10, mark("1"));
  queue.learn(11, mark("1"));
  EXPECT_EQ(queue.size(), 2u);
  queue.remove({10});
  EXPECT_TRUE(queue.is_stored(mark("1")));
  queue.remove({11});
  EXPECT_FALSE(queue.is_stored(mark("1")));
  EXPECT_EQ(queue.size(), 0u);
}

}  // namespace
