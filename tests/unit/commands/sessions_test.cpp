#include "modules/commands/sessions.hpp"

#include <gtest/gtest.h>

#include "modules/commands/command.hpp"

namespace valise::modules::commands {
namespace {

struct CommandSessions : testing::Test {
  Command command;
  Sessions sessions;
  std::string begin(std::int64_t until_ms = 100) {
    return sessions.begin(command, "a.example", core::Language::english, until_ms).id;
  }
  bool is_there(const std::string& id, std::int64_t now_ms = 0) {
    return sessions.find(id, now_ms, was_one) != nullptr;
  }
  bool was_one = false;
};

TEST_F(CommandSessions, IsFoundUntilItEndsAndIsThenRemembered) {
  const auto id = begin();
  EXPECT_TRUE(is_there(id));
  sessions.end(id);
  EXPECT_FALSE(is_there(id));
  EXPECT_TRUE(was_one);
  EXPECT_FALSE(is_there("nonsense"));
  EXPECT_FALSE(was_one);
}

TEST_F(CommandSessions, EndsWithItsTime) {
  const auto soon = begin(100);
  const auto late = begin(200);
  EXPECT_TRUE(is_there(soon, 99));
  EXPECT_FALSE(is_there(soon, 100));
  EXPECT_TRUE(was_one);
  EXPECT_TRUE(is_there(late, 100));
  EXPECT_EQ(sessions.size(), 1U);
}

TEST_F(CommandSessions, TheOldestMakesRoom) {
  const auto first = begin();
  for (std::size_t i = 1; i < Sessions::most; ++i) begin();
  EXPECT_TRUE(is_there(first));
  begin();
  EXPECT_EQ(sessions.size(), Sessions::most);
  EXPECT_FALSE(is_there(first));
}

TEST_F(CommandSessions, RemembersSoManyOfThoseThatEnded) {
  const auto first = begin();
  sessions.end(first);
  for (std::size_t i = 1; i < Sessions::most_remembered; ++i) sessions.end(begin());
  EXPECT_FALSE(is_there(first));
  EXPECT_TRUE(was_one);
  sessions.end(begin());
  EXPECT_FALSE(is_there(first));
  EXPECT_FALSE(was_one);
}

TEST_F(CommandSessions, KnowsWhatTheStagesBeforeSaid) {
  auto& running = sessions.begin(command, "a.example", core::Language::english, 100);
  EXPECT_EQ(running.stage(), 0U);
  running.stages.back().set("a", {"1"});
  running.stages.emplace_back();
  running.stages.back().set("b", {"2"});
  EXPECT_EQ(running.stage(), 1U);
  EXPECT_EQ(running.so_far().text("a"), "1");
  EXPECT_EQ(running.so_far().text("b"), "");
}

}  // namespace
}  // namespace valise::modules::commands
