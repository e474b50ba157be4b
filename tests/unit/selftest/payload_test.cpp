// The payload's ciphers (XEP-0384 0.3 §4.4, 0.9 §4.4), and HKDF by the vectors of RFC 5869.
#include "selftest/payload.hpp"

#include <gtest/gtest.h>

#include "base/crypto.hpp"
#include "selftest/ciphers.hpp"

namespace valise::ctl::selftest {
namespace {

std::string bytes(std::string_view hexadecimal) { return *crypto::hex_decode(hexadecimal); }

TEST(Hkdf, GivesTheVectorsOfRfc5869) {
  EXPECT_EQ(hkdf(bytes("0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b"), bytes("000102030405060708090a0b0c"),
                 bytes("f0f1f2f3f4f5f6f7f8f9"), 42),
            bytes("3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865"));
  // A.3: neither salt nor info; an absent salt is as many zeros as the hash has bytes.
  EXPECT_EQ(hkdf(bytes("0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b"), std::string(32, '\0'), "", 42),
            bytes("8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8"));
}

TEST(Aes, RefusesKeysAndIvsThatDoNotFit) {
  EXPECT_FALSE(aes_cbc(Direction::encrypt, std::string(31, 'k'), std::string(16, 'i'), "text"));
  EXPECT_FALSE(aes_cbc(Direction::encrypt, std::string(32, 'k'), std::string(12, 'i'), "text"));
  EXPECT_FALSE(seal_gcm(std::string(32, 'k'), std::string(12, 'i'), "text"));
  EXPECT_FALSE(open_gcm(std::string(16, 'k'), std::string(12, 'i'), {"text", "short tag"}));
}

TEST(Aes, OpensWhatItSealed) {
  const std::string iv(16, 'i');
  for (const std::size_t size : {16U, 24U, 32U}) {
    const std::string key(size, 'k');
    for (const auto& text : {std::string(), std::string("text"), std::string(64, 't')}) {
      const auto cbc = aes_cbc(Direction::encrypt, key, iv, text);
      const auto ctr = aes_ctr(Direction::encrypt, key, iv, text);
      ASSERT_TRUE(cbc && ctr);
      EXPECT_EQ(cbc->size(), text.size() / 16 * 16 + 16);
      EXPECT_EQ(ctr->size(), text.size());
      EXPECT_EQ(aes_cbc(Direction::decrypt, key, iv, *cbc), text);
      EXPECT_EQ(aes_ctr(Direction::decrypt, key, iv, *ctr), text);
    }
  }
}

class PayloadTest : public testing::TestWithParam<Version> {};

TEST_P(PayloadTest, HasTheSizesOfItsVersion) {
  const auto payload = seal_payload(GetParam(), "Bonjour");
  ASSERT_TRUE(payload);
  const bool legacy = GetParam() == Version::legacy;
  EXPECT_EQ(payload->key.size(), legacy ? 32U : 48U);
  EXPECT_EQ(payload->iv.size(), legacy ? 12U : 0U);
  EXPECT_EQ(payload->bytes.size(), legacy ? 7U : 16U);
}

TEST_P(PayloadTest, IsOpenedAndIsAnotherOneEachTime) {
  const auto one = seal_payload(GetParam(), "Bonjour");
  const auto other = seal_payload(GetParam(), "Bonjour");
  ASSERT_TRUE(one && other);
  EXPECT_EQ(open_payload(GetParam(), *one), "Bonjour");
  EXPECT_NE(one->key, other->key);
  EXPECT_NE(one->bytes, other->bytes);
}

TEST_P(PayloadTest, IsRefusedWhereverItWasAltered) {
  const auto sealed = seal_payload(GetParam(), "Bonjour");
  ASSERT_TRUE(sealed);
  for (const auto part : {&Payload::bytes, &Payload::iv, &Payload::key}) {
    for (std::size_t i = 0; i < ((*sealed).*part).size(); ++i) {
      auto bent = *sealed;
      (bent.*part)[i] ^= 1;
      EXPECT_FALSE(open_payload(GetParam(), bent)) << i;
    }
  }
  auto cut = *sealed;
  cut.key.pop_back();
  EXPECT_FALSE(open_payload(GetParam(), cut));
}

INSTANTIATE_TEST_SUITE_P(BothVersions, PayloadTest, testing::ValuesIn(versions), [](const auto& version) {
  return std::string(version.param == Version::legacy ? "legacy" : "omemo_2");
});

}  // namespace
}  // namespace valise::ctl::selftest
