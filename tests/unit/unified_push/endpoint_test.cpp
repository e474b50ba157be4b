#include "modules/unified_push/endpoint.hpp"

#include <gtest/gtest.h>

#include "base/crypto.hpp"

namespace valise::modules::unified_push {
namespace {

const std::string secret(32, 's');
const std::string digest = crypto::base64_encode(std::string(32, 'd'));
const std::string id(id_bytes, 'i');

core::Jid alice() { return core::Jid::parse("alice@localhost").value(); }

TEST(Word, IsTheSameForTheSameAndOpensAgain) {
  const auto word = to_word(secret, alice(), id);
  EXPECT_EQ(word, to_word(secret, alice(), id));
  EXPECT_EQ(word.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"),
            std::string::npos);
  const auto opened = from_word(secret, word);
  ASSERT_TRUE(opened);
  EXPECT_EQ(opened->account, alice());
  EXPECT_EQ(opened->id, id);
}

TEST(Word, OfAnotherIdAnotherAccountOrAnotherServerIsAnother) {
  const auto word = to_word(secret, alice(), id);
  EXPECT_NE(word.substr(0, 16), to_word(secret, alice(), std::string(id_bytes, 'j')).substr(0, 16));
  EXPECT_NE(word, to_word(secret, core::Jid::parse("bob@localhost").value(), id));
  EXPECT_FALSE(from_word(std::string(32, 't'), word));
}

TEST(Word, WithAnyLetterChangedIsNone) {
  const auto word = to_word(secret, alice(), id);
  for (std::size_t i = 0; i < word.size(); ++i) {
    auto forged = word;
    forged[i] = forged[i] == 'A' ? 'B' : 'A';
    EXPECT_FALSE(from_word(secret, forged)) << i;
    EXPECT_FALSE(from_word(secret, word.substr(0, i))) << i;
  }
  EXPECT_FALSE(from_word(secret, word + "A"));
  EXPECT_FALSE(from_word(secret, std::string(100'000, 'A')));
}

TEST(Word, HasOneSpelling) {
  // Padding, the other alphabet and unused bits: nothing else opens what one word does.
  const auto word = to_word(secret, alice(), id);
  EXPECT_FALSE(from_word(secret, word + "="));
  EXPECT_FALSE(from_word(secret, word + "=="));
}

TEST(Endpoint, SurvivesTheStore) {
  const Endpoint endpoint{.application = digest,
                          .instance = digest,
                          .agent = "agent",
                          .resource = "<'é&>",
                          .expires_ms = 1'764'000'000'000};
  const auto again = decode(encode(endpoint));
  ASSERT_TRUE(again);
  EXPECT_EQ(again->application, digest);
  EXPECT_EQ(again->resource, endpoint.resource);
  EXPECT_EQ(again->agent, endpoint.agent);
  EXPECT_EQ(again->expires_ms, endpoint.expires_ms);
  for (const auto* row : {"", "<endpoint/>", "<endpoint application='x' instance='y' expires='1'/>", "<push/>"}) {
    EXPECT_FALSE(decode(row)) << row;
  }
}

}  // namespace
}  // namespace valise::modules::unified_push
