#include "core/auth/mechanism.hpp"

#include <gtest/gtest.h>

namespace valise::core::auth {
namespace {

TEST(Mechanisms, AreFoundByTheirExactName) {
  const auto* found = find_mechanism("SCRAM-SHA-256-PLUS");
  ASSERT_NE(found, nullptr);
  EXPECT_EQ(found->hash, crypto::Hash::sha256);
  EXPECT_TRUE(found->plus);
  EXPECT_EQ(find_mechanism("scram-sha-256"), nullptr);
  EXPECT_EQ(find_mechanism("SCRAM-SHA-256 "), nullptr);
  EXPECT_EQ(find_mechanism("DIGEST-MD5"), nullptr);
  EXPECT_EQ(find_mechanism(""), nullptr);
}

TEST(Mechanisms, TheStrongestComesFirstAndPlainLast) {
  const auto all = mechanisms();
  EXPECT_EQ(all[0].name, "EXTERNAL");
  EXPECT_EQ(all[1].name, "SCRAM-SHA-512-PLUS");
  EXPECT_EQ(all.back().name, "PLAIN");
  bool bare_seen = false;
  for (const auto& mechanism : all.subspan(1)) {
    EXPECT_FALSE(bare_seen && mechanism.plus) << mechanism.name;
    bare_seen |= !mechanism.plus;
  }
}

TEST(Mechanisms, HashNamesGoThereAndBack) {
  for (const auto hash : {crypto::Hash::sha1, crypto::Hash::sha256, crypto::Hash::sha512}) {
    EXPECT_EQ(find_hash(hash_name(hash)), hash);
  }
  EXPECT_FALSE(find_hash("MD5"));
}

TEST(Conditions, AreThoseOfRfc6120Section65) {
  EXPECT_EQ(condition_name(Condition::aborted), "aborted");
  EXPECT_EQ(condition_name(Condition::not_authorized), "not-authorized");
  EXPECT_EQ(condition_name(Condition::temporary_auth_failure), "temporary-auth-failure");
  for (const auto* name : {"aborted", "account-disabled", "credentials-expired", "encryption-required",
                           "incorrect-encoding", "invalid-authzid", "invalid-mechanism", "malformed-request",
                           "mechanism-too-weak", "not-authorized", "temporary-auth-failure"}) {
    const auto condition = find_condition(name);
    ASSERT_TRUE(condition) << name;
    EXPECT_EQ(condition_name(*condition), name);
  }
  EXPECT_FALSE(find_condition("bad-protocol"));
}

TEST(DowngradeHash, Xep0474Example) {  // XEP-0474 §5.3
  constexpr std::string_view offered[] = {"SCRAM-SHA-1-PLUS", "SCRAM-SHA-1"};
  constexpr std::string_view bindings[] = {"tls-server-end-point", "tls-exporter"};
  EXPECT_EQ(crypto::base64_encode(downgrade_hash(crypto::Hash::sha1, offered, bindings)),
            "G6k/rBLDqgOhRRaCuuatSDFkJ08=");
}

TEST(DowngradeHash, WithoutBindingTypesTheSeparatorIsLeftOut) {
  constexpr std::string_view offered[] = {"B", "A"};
  EXPECT_EQ(downgrade_hash(crypto::Hash::sha256, offered, {}), crypto::digest(crypto::Hash::sha256,
                                                                              "A\x1e"
                                                                              "B"));
}

}  // namespace
}  // namespace valise::core::auth
