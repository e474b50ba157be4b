#include "core/auth/token.hpp"

#include <gtest/gtest.h>

namespace valise::core::auth {
namespace {

const std::string secret(64, 's');
const std::string agent = "d4565fa7-4d72-4749-b3d3-740edbf87770";

Jid jid(std::string_view text) { return *Jid::parse(text); }

std::string message(std::string_view name, std::string_view proof) {
  return std::string(name) + std::string(1, '\0') + std::string(proof);
}

TEST(Token, HasTwoHundredFiftySixBitsAndIsTheSameEachTime) {
  const auto text = token_text(secret, jid("alice@example.org"), agent, "n1");
  EXPECT_EQ(crypto::base64_decode(text)->size(), 32U);
  EXPECT_EQ(text, token_text(secret, jid("alice@example.org"), agent, "n1"));
}

TEST(Token, ChangesWithAllThatItBelongsTo) {
  const auto text = token_text(secret, jid("alice@example.org"), agent, "n1");
  EXPECT_NE(text, token_text(std::string(64, 't'), jid("alice@example.org"), agent, "n1"));
  EXPECT_NE(text, token_text(secret, jid("bob@example.org"), agent, "n1"));
  EXPECT_NE(text, token_text(secret, jid("alice@example.org"), agent.substr(1), "n1"));
  EXPECT_NE(text, token_text(secret, jid("alice@example.org"), agent, "n2"));
  EXPECT_NE(token_text(secret, jid("alice@example.org"), "ab", "c"),
            token_text(secret, jid("alice@example.org"), "a", "bc"));
}

TEST(Token, ProofsAreHmacsOverRoleAndBinding) {  // draft-schmaus-kitten-sasl-ht
  EXPECT_EQ(initiator_proof("t", "b"), crypto::hmac(crypto::Hash::sha256, "t", "Initiatorb"));
  EXPECT_EQ(responder_proof("t", "b"), crypto::hmac(crypto::Hash::sha256, "t", "Responderb"));
}

TEST(TokenMessage, IsANameANulAndAProof) {
  const auto parsed = parse_token_message(message("Alice", std::string(32, '\0')), "example.org");
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->account.str(), "alice@example.org");
  EXPECT_EQ(parsed->proof, std::string(32, '\0'));
}

TEST(TokenMessage, OfAnotherShapeIsMalformed) {
  for (const auto& wrong :
       {std::string(), std::string("alice"), message("alice", ""), message("alice", std::string(31, 'x')),
        message("alice", std::string(33, 'x')), message("", std::string(32, 'x'))}) {
    const auto parsed = parse_token_message(wrong, "example.org");
    ASSERT_FALSE(parsed);
    EXPECT_EQ(parsed.error().condition, Condition::malformed_request);
  }
}

TEST(TokenMessage, OfANameThatNobodyCanHaveIsNotAuthorized) {
  const auto parsed = parse_token_message(message("a b", std::string(32, 'x')), "example.org");
  ASSERT_FALSE(parsed);
  EXPECT_EQ(parsed.error().condition, Condition::not_authorized);
}

}  // namespace
}  // namespace valise::core::auth
