#include "core/auth/password.hpp"

#include <gtest/gtest.h>

#include "core/auth/mechanism.hpp"

namespace valise::core::auth {
namespace {

using crypto::Hash;

Jid account(std::string_view text) { return *Jid::parse(text); }

TEST(Password, KeysAreMadeForEachHashWithOwnSalts) {
  const auto keys = make_keys("pencil");
  ASSERT_TRUE(keys);
  ASSERT_EQ(keys->size(), 3u);
  for (const auto& key : *keys) {
    EXPECT_GE(key.salt.size(), 16u);
    EXPECT_GE(key.iterations, 10'000u);
    EXPECT_EQ(key.stored_key.size(), crypto::digest_size(*find_hash(key.hash)));
    EXPECT_EQ(key.server_key.size(), key.stored_key.size());
  }
  EXPECT_NE((*keys)[0].salt, (*keys)[1].salt);
  EXPECT_NE((*keys)[1].salt, (*keys)[2].salt);
  EXPECT_NE(*make_keys("pencil", 4'096), *make_keys("pencil", 4'096));
}

TEST(Password, CharactersAreCountedAndNotBytes) {
  EXPECT_TRUE(is_long_enough("12345678", 8));
  EXPECT_FALSE(is_long_enough("1234567", 8));
  EXPECT_TRUE(is_long_enough("\xc3\xa9\xe2\x82\xac\xf0\x9f\x94\x92", 3));
  EXPECT_FALSE(is_long_enough("\xc3\xa9\xe2\x82\xac\xf0\x9f\x94\x92", 4));
  EXPECT_FALSE(is_long_enough("", 1));
}

TEST(Password, OnlyTheRightPasswordVerifies) {
  const auto keys = make_keys("pencil", 4'096);
  ASSERT_TRUE(keys);
  EXPECT_TRUE(verify_password(*keys, "pencil"));
  EXPECT_FALSE(verify_password(*keys, "pencil "));
  EXPECT_FALSE(verify_password(*keys, "Pencil"));
  EXPECT_FALSE(verify_password(*keys, ""));
  EXPECT_FALSE(verify_password(*keys, "x"));
  EXPECT_FALSE(verify_password(*keys, std::string("pencil\0", 7)));
  EXPECT_FALSE(verify_password({}, "pencil"));
}

TEST(Password, AnUnusablePasswordNeverVerifiesEvenAgainstTheStandIn) {
  const auto keys = make_keys("x", 4'096);
  EXPECT_TRUE(verify_password(*keys, "x"));
  EXPECT_FALSE(verify_password(*keys, ""));
  EXPECT_FALSE(verify_password(*keys, "\x07"));
}

TEST(Password, AnyOneHashIsEnough) {
  for (const auto hash : all_hashes) {
    const Hash only[] = {hash};
    const auto keys = make_keys("pencil", 4'096, only);
    EXPECT_TRUE(verify_password(*keys, "pencil"));
    EXPECT_FALSE(verify_password(*keys, "pen"));
  }
}

TEST(Password, Rfc4013FormsAreOnePassword) {
  const auto keys = make_keys("\u2168\u00AD", 4'096);
  ASSERT_TRUE(keys);
  EXPECT_TRUE(verify_password(*keys, "IX"));
}

TEST(Password, AnEmojiMayBeAPassword) {
  const auto keys = make_keys("🥐🥐🥐", 4'096);
  ASSERT_TRUE(keys);
  EXPECT_TRUE(verify_password(*keys, "🥐🥐🥐"));
}

TEST(Password, UnusablePasswordsAndCountsAreRefused) {
  EXPECT_FALSE(make_keys(""));
  EXPECT_FALSE(make_keys("a\nb"));
  EXPECT_FALSE(make_keys("\xFF"));
  EXPECT_FALSE(make_keys("\u00AD"));
  EXPECT_TRUE(prepare_password(std::string(1'023, 'a')));
  EXPECT_FALSE(prepare_password(std::string(1'024, 'a')));
  EXPECT_FALSE(make_keys("pencil", 4'095));
  EXPECT_FALSE(make_keys("pencil", 10'000'001));
}

TEST(Password, IllFormedKeysAreNotUsed) {
  auto key = derive_key(Hash::sha256, "pencil", "0123456789abcdef", 4'096);
  const auto usable = [](const storage::ScramKey& one) { return find_key({&one, 1}, Hash::sha256) != nullptr; };
  EXPECT_TRUE(usable(key));
  EXPECT_EQ(find_key({&key, 1}, Hash::sha1), nullptr);
  auto bad = key;
  bad.stored_key.pop_back();
  EXPECT_FALSE(usable(bad));
  bad = key;
  bad.server_key.clear();
  EXPECT_FALSE(usable(bad));
  bad = key;
  bad.iterations = 0;
  EXPECT_FALSE(usable(bad));
  bad = key;
  bad.salt.clear();
  EXPECT_FALSE(usable(bad));
}

TEST(FakeKeys, AreStableAndLookLikeRealOnes) {
  const FakeKeys fake(std::string(32, 's'));
  const auto nobody = account("nobody@example.com");
  const auto key = fake.key(Hash::sha256, nobody);
  const auto real = make_keys("pencil");
  EXPECT_EQ(key, FakeKeys(std::string(32, 's')).key(Hash::sha256, nobody));
  EXPECT_EQ(key.salt.size(), (*real)[1].salt.size());
  EXPECT_EQ(key.iterations, (*real)[1].iterations);
  EXPECT_NE(find_key({&key, 1}, Hash::sha256), nullptr);
}

TEST(FakeKeys, DifferByAccountHashAndSecret) {
  const FakeKeys fake(std::string(32, 's'));
  const auto nobody = account("nobody@example.com");
  EXPECT_NE(fake.key(Hash::sha256, nobody).salt, fake.key(Hash::sha1, nobody).salt);
  EXPECT_NE(fake.key(Hash::sha256, nobody).salt, fake.key(Hash::sha256, account("other@example.com")).salt);
  EXPECT_NE(fake.key(Hash::sha256, nobody).salt, FakeKeys(std::string(32, 't')).key(Hash::sha256, nobody).salt);
}

TEST(FakeKeys, AShortSecretIsAProgrammersMistake) {
  EXPECT_THROW(FakeKeys(std::string(31, 's')), std::invalid_argument);
}

}  // namespace
}  // namespace valise::core::auth
