// RFC 6121 appendix A, as tables, and what two parties that follow them can and cannot reach.
#include "modules/roster/subscription.hpp"

#include <gtest/gtest.h>

#include <deque>
#include <map>
#include <set>
#include <tuple>

namespace {

using namespace valise::modules::roster;
using valise::storage::Subscription;

// The nine states of A.1, by their names there.
const std::map<std::string, State> states{
    {"None", {Subscription::none, false, false, false}},   {"None+PO", {Subscription::none, true, false, false}},
    {"None+PI", {Subscription::none, false, true, false}}, {"None+PO+PI", {Subscription::none, true, true, false}},
    {"To", {Subscription::to, false, false, false}},       {"To+PI", {Subscription::to, false, true, false}},
    {"From", {Subscription::from, false, false, false}},   {"From+PO", {Subscription::from, true, false, false}},
    {"Both", {Subscription::both, false, false, false}},
};

std::string name(const State& state) {
  for (const auto& [text, known] : states) {
    if (known == state) return text;
  }
  return state.approved ? "approved" : "?";
}

struct Row {
  const char* state;
  bool passes;  // routed, or delivered
  const char* next;
};

void expect_sent(Step step, const std::vector<Row>& table) {
  ASSERT_EQ(table.size(), states.size());
  for (const auto& row : table) {
    const auto sent = send(states.at(row.state), step);
    auto next = sent.next;
    next.approved = false;
    EXPECT_EQ(name(next), row.next) << name_of(step) << " in " << row.state;
    EXPECT_EQ(sent.route, row.passes) << name_of(step) << " in " << row.state;
  }
}

void expect_received(Step step, const std::vector<Row>& table) {
  ASSERT_EQ(table.size(), states.size());
  for (const auto& row : table) {
    const auto received = receive(states.at(row.state), step);
    EXPECT_EQ(name(received.next), row.next) << name_of(step) << " in " << row.state;
    EXPECT_EQ(received.deliver, row.passes) << name_of(step) << " in " << row.state;
  }
}

TEST(Outbound, SubscribeFollowsTableA21) {
  expect_sent(Step::subscribe, {{"None", true, "None+PO"},
                                {"None+PO", true, "None+PO"},
                                {"None+PI", true, "None+PO+PI"},
                                {"None+PO+PI", true, "None+PO+PI"},
                                {"To", true, "To"},
                                {"To+PI", true, "To+PI"},
                                {"From", true, "From+PO"},
                                {"From+PO", true, "From+PO"},
                                {"Both", true, "Both"}});
}

TEST(Outbound, UnsubscribeFollowsTableA22) {
  expect_sent(Step::unsubscribe, {{"None", true, "None"},
                                  {"None+PO", true, "None"},
                                  {"None+PI", true, "None+PI"},
                                  {"None+PO+PI", true, "None+PI"},
                                  {"To", true, "None"},
                                  {"To+PI", true, "None+PI"},
                                  {"From", true, "From"},
                                  {"From+PO", true, "From"},
                                  {"Both", true, "From"}});
}

TEST(Outbound, SubscribedFollowsTableA23) {
  expect_sent(Step::subscribed, {{"None", false, "None"},
                                 {"None+PO", false, "None+PO"},
                                 {"None+PI", true, "From"},
                                 {"None+PO+PI", true, "From+PO"},
                                 {"To", false, "To"},
                                 {"To+PI", true, "Both"},
                                 {"From", false, "From"},
                                 {"From+PO", false, "From+PO"},
                                 {"Both", false, "Both"}});
}

TEST(Outbound, UnsubscribedFollowsTableA24) {
  expect_sent(Step::unsubscribed, {{"None", false, "None"},
                                   {"None+PO", false, "None+PO"},
                                   {"None+PI", true, "None"},
                                   {"None+PO+PI", true, "None+PO"},
                                   {"To", false, "To"},
                                   {"To+PI", true, "To"},
                                   {"From", true, "None"},
                                   {"From+PO", true, "None+PO"},
                                   {"Both", true, "To"}});
}

TEST(Inbound, SubscribeFollowsTableA31) {
  expect_received(Step::subscribe, {{"None", true, "None+PI"},
                                    {"None+PO", true, "None+PO+PI"},
                                    {"None+PI", false, "None+PI"},
                                    {"None+PO+PI", false, "None+PO+PI"},
                                    {"To", true, "To+PI"},
                                    {"To+PI", false, "To+PI"},
                                    {"From", false, "From"},
                                    {"From+PO", false, "From+PO"},
                                    {"Both", false, "Both"}});
}

TEST(Inbound, UnsubscribeFollowsTableA32) {
  expect_received(Step::unsubscribe, {{"None", false, "None"},
                                      {"None+PO", false, "None+PO"},
                                      {"None+PI", true, "None"},
                                      {"None+PO+PI", true, "None+PO"},
                                      {"To", false, "To"},
                                      {"To+PI", true, "To"},
                                      {"From", true, "None"},
                                      {"From+PO", true, "None+PO"},
                                      {"Both", true, "To"}});
}

TEST(Inbound, SubscribedFollowsTableA33) {
  expect_received(Step::subscribed, {{"None", false, "None"},
                                     {"None+PO", true, "To"},
                                     {"None+PI", false, "None+PI"},
                                     {"None+PO+PI", true, "To+PI"},
                                     {"To", false, "To"},
                                     {"To+PI", false, "To+PI"},
                                     {"From", false, "From"},
                                     {"From+PO", true, "Both"},
                                     {"Both", false, "Both"}});
}

TEST(Inbound, UnsubscribedFollowsTableA34) {
  expect_received(Step::unsubscribed, {{"None", false, "None"},
                                       {"None+PO", true, "None"},
                                       {"None+PI", false, "None+PI"},
                                       {"None+PO+PI", true, "None+PI"},
                                       {"To", true, "None"},
                                       {"To+PI", true, "None+PI"},
                                       {"From", false, "From"},
                                       {"From+PO", true, "From"},
                                       {"Both", true, "From"}});
}

TEST(Inbound, SubscribeOfOneWhoHasItIsAnsweredByTheServer) {
  for (const auto* state : {"From", "From+PO", "Both"}) {
    EXPECT_EQ(receive(states.at(state), Step::subscribe).reply, Step::subscribed) << state;
  }
  for (const auto* state : {"None", "None+PO", "None+PI", "To", "To+PI"}) {
    EXPECT_EQ(receive(states.at(state), Step::subscribe).reply, std::nullopt) << state;
  }
}

TEST(PreApproval, IsNotedNotRoutedWhereNobodyAsked) {
  for (const auto* state : {"None", "None+PO", "To"}) {
    const auto sent = send(states.at(state), Step::subscribed);
    EXPECT_TRUE(sent.next.approved) << state;
    EXPECT_FALSE(sent.route) << state;
  }
  for (const auto* state : {"None+PI", "None+PO+PI", "To+PI", "From", "From+PO", "Both"}) {
    EXPECT_FALSE(send(states.at(state), Step::subscribed).next.approved) << state;
  }
}

TEST(PreApproval, AnswersTheNextRequestOnceAndUnseen) {
  auto approved = states.at("To");
  approved.approved = true;
  const auto received = receive(approved, Step::subscribe);
  EXPECT_EQ(received.reply, Step::subscribed);
  EXPECT_FALSE(received.deliver);
  EXPECT_EQ(name(received.next), "Both");
  const auto after = receive(received.next, Step::unsubscribe).next;
  EXPECT_TRUE(receive(after, Step::subscribe).next.pending_in);
}

TEST(PreApproval, IsTakenBackByUnsubscribedWithoutRouting) {
  auto approved = states.at("None");
  approved.approved = true;
  const auto sent = send(approved, Step::unsubscribed);
  EXPECT_FALSE(sent.next.approved);
  EXPECT_FALSE(sent.route);
}

TEST(Types, OnlyTheFourAreSteps) {
  for (const auto step : {Step::subscribe, Step::subscribed, Step::unsubscribe, Step::unsubscribed}) {
    EXPECT_EQ(step_of(name_of(step)), step);
  }
  for (const auto* type : {"", "unavailable", "probe", "error", "Subscribe", "subscribes"}) {
    EXPECT_EQ(step_of(type), std::nullopt) << type;
  }
}

// ---- two parties

constexpr Step steps[] = {Step::subscribe, Step::subscribed, Step::unsubscribe, Step::unsubscribed};

struct World {
  State side[2];
  std::deque<Step> to[2];  // under way to that side
};

bool operator<(const World& a, const World& b) {
  const auto key = [](const World& w) {
    std::string out;
    for (const auto& s : w.side) {
      out += static_cast<char>('0' + static_cast<int>(s.subscription));
      out += s.pending_out ? '1' : '0';
      out += s.pending_in ? '1' : '0';
      out += s.approved ? '1' : '0';
    }
    for (const auto& queue : w.to) {
      out += '/';
      for (const auto step : queue) out += static_cast<char>('a' + static_cast<int>(step));
    }
    return out;
  };
  return key(a) < key(b);
}

World after_sending(World world, int who, Step step) {
  const auto sent = send(world.side[who], step);
  world.side[who] = sent.next;
  if (sent.route) world.to[1 - who].push_back(step);
  return world;
}

World after_arrival(World world, int whom) {
  const auto step = world.to[whom].front();
  world.to[whom].pop_front();
  const auto received = receive(world.side[whom], step);
  world.side[whom] = received.next;
  if (received.reply) world.to[1 - whom].push_back(*received.reply);
  return world;
}

World settled(World world) {
  for (int round = 0; round < 100; ++round) {
    if (!world.to[0].empty()) {
      world = after_arrival(std::move(world), 0);
    } else if (!world.to[1].empty()) {
      world = after_arrival(std::move(world), 1);
    } else {
      return world;
    }
  }
  ADD_FAILURE() << "the two servers answer each other for ever";
  return world;
}

bool agree(const World& world) {
  for (int who = 0; who < 2; ++who) {
    const auto& mine = world.side[who];
    const auto& theirs = world.side[1 - who];
    if (has_to(mine.subscription) != has_from(theirs.subscription)) return false;
    if (mine.pending_out != theirs.pending_in) return false;
  }
  return true;
}

// Every world that is reachable when at most `most` stanzas are under way in each direction.
std::set<World> reachable(std::size_t most) {
  std::set<World> seen{World{}};
  std::deque<World> open{World{}};
  const auto add = [&](const World& world) {
    if (seen.insert(world).second) open.push_back(world);
  };
  while (!open.empty()) {
    const auto world = open.front();
    open.pop_front();
    for (int who = 0; who < 2; ++who) {
      if (!world.to[who].empty()) add(after_arrival(world, who));
      for (const auto step : steps) {
        const auto next = most == 0 ? settled(after_sending(world, who, step)) : after_sending(world, who, step);
        if (next.to[0].size() <= most && next.to[1].size() <= most) add(next);
      }
    }
  }
  return seen;
}

TEST(TwoParties, WhoseStanzasNeverCrossAlwaysAgree) {
  const auto worlds = reachable(0);
  EXPECT_GT(worlds.size(), 9u);
  for (const auto& world : worlds) {
    EXPECT_TRUE(agree(world)) << name(world.side[0]) << " | " << name(world.side[1]);
  }
}

TEST(TwoParties, NeverEnterAStateThatAppendixADoesNotKnow) {
  for (const auto& world : reachable(2)) {
    EXPECT_TRUE(is_valid(world.side[0]) && is_valid(world.side[1]))
        << name(world.side[0]) << " | " << name(world.side[1]);
  }
}

TEST(TwoParties, WhateverCrossedAreApartOnceBothTakeTheContactOut) {
  for (auto world : reachable(2)) {
    world = settled(std::move(world));
    for (int who = 0; who < 2; ++who) {
      for (const auto step : {Step::unsubscribe, Step::unsubscribed}) {
        world = settled(after_sending(std::move(world), who, step));
      }
    }
    EXPECT_EQ(name(world.side[0]), "None");
    EXPECT_EQ(name(world.side[1]), "None");
  }
}

// The user's presence goes to nobody whom the user did not let in: a `from` needs an own "subscribed" since the last
// "unsubscribed".
TEST(TwoParties, NobodySeesPresenceWithoutTheOwnersWord) {
  for (const auto& [text, state] : states) {
    if (has_from(state.subscription)) continue;
    for (const auto step : steps) {
      EXPECT_FALSE(has_from(receive(state, step).next.subscription)) << name_of(step) << " in " << text;
      if (step == Step::subscribed) continue;
      EXPECT_FALSE(has_from(send(state, step).next.subscription)) << name_of(step) << " in " << text;
    }
  }
}

}  // namespace
