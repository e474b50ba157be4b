#include "stream/bosh_session.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/crypto.hpp"

namespace valise::stream {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

struct Client final : BoshSession::Events {
  std::vector<std::uint64_t> handed;
  std::vector<std::string> answers;  // "ticket status body"
  std::vector<std::size_t> payloads;
  int lost = 0;
  void on_request(BoshBody body) override { handed.push_back(body.rid); }
  void on_answer(BoshSession::Ticket ticket, unsigned status, std::string body, std::size_t payload) override {
    constexpr std::string_view usual = "<body xmlns='http://jabber.org/protocol/httpbind'";
    EXPECT_TRUE(body.starts_with(usual)) << body;
    answers.push_back(std::to_string(ticket) + " " + std::to_string(status) + " " + body.substr(usual.size()));
    payloads.push_back(payload);
  }
  void on_lost() override { ++lost; }
};

BoshBody request(std::uint64_t rid, bool full = true) {
  BoshBody body;
  body.rid = rid;
  if (full) body.payloads.emplace_back(xml::OversizedStanza{});
  return body;
}

struct Session : ::testing::Test {
  Client client;
  BoshTerms terms;
  BoshBody first = request(100);
  std::optional<BoshSession> session;
  std::int64_t now = 1'000'000;
  BoshSession::Ticket tickets = 1;

  void begin() {
    session.emplace(client, terms, first, 1, now);
    session->say(" sid='s'");
    session->settle(now);
    EXPECT_THAT(client.answers, ElementsAre("1 200  sid='s'/>"));
    client.answers.clear();
  }
  BoshSession::Ticket ask(BoshBody body) {
    session->take(std::move(body), ++tickets, now);
    session->settle(now);
    return tickets;
  }
};

TEST_F(Session, holds_one_and_answers_it_with_what_comes) {
  begin();
  ask(request(101));
  EXPECT_TRUE(client.answers.empty());
  session->push("<a/>");
  session->settle(now);
  EXPECT_THAT(client.answers, ElementsAre("2 200 ><a/></body>"));
  EXPECT_EQ(client.payloads.back(), 4U);
}

TEST_F(Session, answers_the_older_when_a_second_comes) {
  begin();
  ask(request(101));
  ask(request(102));
  EXPECT_THAT(client.answers, ElementsAre("2 200 />"));
  EXPECT_THAT(client.handed, ElementsAre(101, 102));
}

TEST_F(Session, hands_requests_on_in_order) {
  begin();
  ask(request(102));
  EXPECT_TRUE(client.handed.empty());
  ask(request(101));
  EXPECT_THAT(client.handed, ElementsAre(101, 102));
  EXPECT_THAT(client.answers, ElementsAre("3 200 />"));  // 101 came with ticket 3; 102 is held
}

TEST_F(Session, ends_beyond_the_window) {
  begin();
  ask(request(101));
  ask(request(104));
  EXPECT_THAT(client.answers, ElementsAre("3 200  type='terminate' condition='item-not-found'/>",
                                          "2 200  type='terminate' condition='other-request'/>"));
  EXPECT_EQ(client.lost, 1);
  ask(request(102));
  EXPECT_THAT(client.answers.back(), HasSubstr("item-not-found"));
  EXPECT_EQ(client.lost, 1);
}

TEST_F(Session, remembers_as_many_answers_as_requests_may_be_open) {
  begin();
  for (std::uint64_t rid = 101; rid <= 103; ++rid) {
    ask(request(rid));
    session->push("<a n='" + std::to_string(rid) + "'/>");
    session->settle(now);
  }
  client.answers.clear();
  ask(request(102));
  EXPECT_THAT(client.answers, ElementsAre("5 200 ><a n='102'/></body>"));
  EXPECT_EQ(client.payloads.back(), 0U);
  ask(request(101));
  EXPECT_THAT(client.answers.back(), HasSubstr("item-not-found"));
  EXPECT_EQ(client.lost, 1);
}

TEST_F(Session, gives_a_copy_the_place_of_what_waits) {
  begin();
  ask(request(101));
  ask(request(101));
  EXPECT_THAT(client.answers, ElementsAre("2 200  type='error'/>"));
  EXPECT_THAT(client.handed, ElementsAre(101));
  session->push("<a/>");
  session->settle(now);
  EXPECT_THAT(client.answers.back(), "3 200 ><a/></body>");
}

TEST_F(Session, ends_when_copies_do_not) {
  begin();
  ask(request(101));
  for (int i = 0; i < 11; ++i) ask(request(101));
  EXPECT_THAT(client.answers.back(), HasSubstr("policy-violation"));
  EXPECT_EQ(client.lost, 1);
}

TEST_F(Session, waits_no_longer_than_agreed) {
  begin();
  ask(request(101));
  EXPECT_EQ(session->due_ms(), now + 60'000);
  now += 59'999;
  session->settle(now);
  EXPECT_TRUE(client.answers.empty());
  now += 1;
  session->settle(now);
  EXPECT_THAT(client.answers, ElementsAre("2 200 />"));
  EXPECT_EQ(session->due_ms(), now + 60'000);
}

TEST_F(Session, is_lost_when_nobody_asks) {
  begin();
  now += 59'999;
  session->settle(now);
  EXPECT_EQ(client.lost, 0);
  now += 1;
  session->settle(now);
  EXPECT_EQ(client.lost, 1);
  EXPECT_TRUE(session->over());
}

TEST_F(Session, grants_a_pause_without_payload_and_for_once) {
  begin();
  ask(request(101));
  auto pause = request(102, false);
  pause.pause = 100;
  session->push("<a/>");
  ask(std::move(pause));
  EXPECT_THAT(client.answers, ElementsAre("2 200 ><a/></body>", "3 200 />"));
  EXPECT_EQ(session->due_ms(), now + 100'000);
  ask(request(103));
  now += 60'000;
  session->settle(now);
  EXPECT_EQ(session->due_ms(), now + 60'000);
}

TEST_F(Session, refuses_a_pause_that_is_too_long) {
  begin();
  auto pause = request(101, false);
  pause.pause = 121;
  ask(std::move(pause));
  EXPECT_THAT(client.answers, ElementsAre("2 200  type='terminate' condition='policy-violation'/>"));
}

TEST_F(Session, refuses_an_empty_request_on_the_heels_of_another) {
  begin();
  now += 10'000;
  ask(request(101, false));
  now += 1'999;
  ask(request(102, false));
  EXPECT_THAT(client.answers.front(), "3 200  type='terminate' condition='policy-violation'/>");
}

TEST_F(Session, takes_an_empty_request_in_its_time) {
  begin();
  now += 10'000;
  ask(request(101, false));
  now += 2'000;
  ask(request(102, false));
  EXPECT_THAT(client.answers, ElementsAre("2 200 />"));
}

TEST_F(Session, a_polling_client_is_answered_at_once_and_not_too_often) {
  terms.hold = terms.wait_s = 0;
  begin();
  now += 10'000;
  ask(request(101, false));
  EXPECT_THAT(client.answers, ElementsAre("2 200 />"));
  now += 1'999;
  ask(request(102, false));
  EXPECT_THAT(client.answers.back(), HasSubstr("policy-violation"));
}

TEST_F(Session, follows_a_sequence_of_keys) {
  const auto next = [](const std::string& key) { return crypto::hex_encode(crypto::digest(crypto::Hash::sha1, key)); };
  const auto k1 = next("seed"), k2 = next(k1), k3 = next(k2), other = next("other");
  first.newkey = k3;
  begin();
  auto second = request(101);
  second.key = k2;
  ask(std::move(second));
  auto third = request(102);
  third.key = k1;
  third.newkey = next(other);
  ask(std::move(third));
  auto fourth = request(103);
  fourth.key = other;
  ask(std::move(fourth));
  EXPECT_THAT(client.handed, ElementsAre(101, 102, 103));
  ask(request(104));
  EXPECT_THAT(client.answers, ::testing::Contains(HasSubstr("item-not-found")));
  EXPECT_EQ(client.handed.size(), 3U);
}

TEST_F(Session, tells_of_its_end_with_what_there_was_to_say) {
  begin();
  ask(request(101));
  session->push("<stream:error/>");
  session->finish("remote-stream-error");
  session->settle(now);
  EXPECT_THAT(client.answers, ElementsAre("2 200  type='terminate' condition='remote-stream-error' "
                                          "xmlns:stream='http://etherx.jabber.org/streams'><stream:error/></body>"));
}

TEST_F(Session, tells_of_its_end_when_the_client_asks_next) {
  begin();
  session->finish("");
  session->settle(now);
  EXPECT_TRUE(client.answers.empty());
  ask(request(101));
  EXPECT_THAT(client.answers, ElementsAre("2 200  type='terminate'/>"));
  EXPECT_TRUE(client.handed.empty());
  EXPECT_EQ(client.lost, 1);
}

TEST_F(Session, a_client_without_a_version_gets_statuses) {
  terms.legacy = true;
  begin();
  ask(request(150));
  EXPECT_THAT(client.answers, ElementsAre("2 404  type='terminate' condition='item-not-found'/>"));
}

TEST_F(Session, acknowledges_what_has_come) {
  terms.acks = true;
  begin();
  ask(request(101));
  ask(request(102));
  EXPECT_THAT(client.answers, ElementsAre("2 200  ack='102'/>"));
}

TEST_F(Session, while_paused_nothing_is_handed_on) {
  begin();
  session->pause(true, now);
  ask(request(101));
  EXPECT_TRUE(client.handed.empty());
  session->pause(false, now);
  EXPECT_THAT(client.handed, ElementsAre(101));
}

}  // namespace
}  // namespace valise::stream
