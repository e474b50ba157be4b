#include "core/client.hpp"

#include <gtest/gtest.h>

namespace valise::core {
namespace {

using auth::Condition;
using auth::Token;

const std::string secret(64, 's');
const std::string agent = "d4565fa7-4d72-4749-b3d3-740edbf87770";
const Jid alice = *Jid::parse("alice@example.org");

Token token(std::string nonce) {
  return {
      .nonce = std::move(nonce), .mechanism = "HT-SHA-256-NONE", .issued_ms = 1, .expires_ms = 1'000, .credentials = 7};
}

Client client() {
  return {.agent = agent,
          .software = "S & \"Co\"",
          .device = "<D>\n",
          .first_ms = 1,
          .last_ms = 2,
          .password = 7,
          .certificate = true,
          .current = token("a"),
          .fresh = token("b")};
}

TokenAttempt attempt(const std::string& proof) {
  return {.account = alice,
          .agent = agent,
          .mechanism = "HT-SHA-256-NONE",
          .proof = proof,
          .binding = {},
          .count = std::nullopt,
          .credentials = 7,
          .now_ms = 999};
}

std::string proof_of(std::string_view nonce) {
  return auth::initiator_proof(auth::token_text(secret, alice, agent, nonce), {});
}

void expect_refused(const Client* known, const TokenAttempt& tried, Condition condition = Condition::not_authorized) {
  const auto outcome = check_token(known, secret, tried);
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().condition, condition);
}

TEST(Client, ComesBackAsItWasStored) {
  const auto whole = client();
  EXPECT_EQ(decode_client(agent, encode(whole)), whole);
  const Client bare{.agent = agent, .first_ms = 3, .last_ms = 4};
  EXPECT_EQ(decode_client(agent, encode(bare)), bare);
}

TEST(Client, IsNothingWhereTheRowIsNone) {
  for (const auto* wrong : {"", "x", "<client/>", "<other first='1' last='2'/>", "<client first='1' last='x'/>"}) {
    EXPECT_FALSE(decode_client(agent, wrong)) << wrong;
  }
  EXPECT_FALSE(decode_client(agent, "<client first='1' last='2'><current nonce='a'/></client>")->current);
}

TEST(CheckToken, TakesTheTokenInUseAndTheNewOne) {
  const auto known = client();
  for (const auto* nonce : {"a", "b"}) {
    const auto proof = proof_of(nonce);
    const auto used = check_token(&known, secret, attempt(proof));
    ASSERT_TRUE(used);
    EXPECT_EQ(used->nonce, nonce);
    EXPECT_EQ(used->answer, auth::responder_proof(auth::token_text(secret, alice, agent, nonce), {}));
  }
}

TEST(CheckToken, TakesNoOther) {
  const auto known = client();
  const auto right = proof_of("a"), other = proof_of("c"), none = proof_of("");
  expect_refused(&known, attempt(other));
  expect_refused(nullptr, attempt(right));
  expect_refused(nullptr, attempt(none));  // the empty nonce that is worked out for nobody
  const Client without{.agent = agent};
  expect_refused(&without, attempt(none));
}

TEST(CheckToken, HoldsToMechanismPasswordBindingAndTime) {
  const auto known = client();
  const auto right = proof_of("a");
  const auto with = [&](auto change) {
    auto tried = attempt(right);
    change(tried);
    return tried;
  };
  expect_refused(&known, with([](auto& tried) { tried.mechanism = "HT-SHA-256-EXPR"; }));
  expect_refused(&known, with([](auto& tried) { tried.credentials = 8; }));
  expect_refused(&known, with([](auto& tried) { tried.binding = "x"; }));
  expect_refused(&known, with([](auto& tried) { tried.now_ms = 1'000; }), Condition::credentials_expired);
}

TEST(CheckToken, TakesACountOnce) {
  auto known = client();
  known.current->count = 5;
  const auto right = proof_of("a");
  auto tried = attempt(right);
  for (const auto count : {0U, 4U, 5U}) {
    tried.count = count;
    expect_refused(&known, tried);
  }
  tried.count = 6;
  EXPECT_TRUE(check_token(&known, secret, tried));
  tried.count.reset();
  EXPECT_TRUE(check_token(&known, secret, tried));
}

TEST(UseToken, MovesOnToTheNewOneAndVoidsTheOld) {  // XEP-0484 §5.1
  auto known = client();
  EXPECT_TRUE(use_token(known, "a", std::nullopt));
  EXPECT_TRUE(known.fresh);
  EXPECT_TRUE(use_token(known, "b", 3));
  EXPECT_EQ(known.current->nonce, "b");
  EXPECT_FALSE(known.fresh);
  EXPECT_FALSE(use_token(known, "a", std::nullopt));
  EXPECT_FALSE(use_token(known, "b", 3));
  EXPECT_TRUE(use_token(known, "b", 4));
}

}  // namespace
}  // namespace valise::core
