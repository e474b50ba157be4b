#include <gtest/gtest.h>
#include <openssl/bn.h>
#include <openssl/evp.h>

#include <memory>
#include <set>
#include <string>

#include "base/crypto.hpp"
#include "omemo_bundle.hpp"
#include "omemo_message.hpp"

namespace valise::bench {
namespace {

std::string between(std::string_view text, std::string_view before, std::string_view after, std::size_t& from) {
  const auto begin = text.find(before, from) + before.size();
  const auto end = text.find(after, begin);
  from = end;
  return std::string(text.substr(begin, end - begin));
}

TEST(MessageMaker, MakesMessagesOfTheRightShapeAndSize) {
  FastRandom random;
  MessageMaker maker("alice", "bob", "bob@localhost", random);
  std::set<std::string> keys, ratchet_keys, ivs;
  for (std::uint32_t i = 0; i < 300; ++i) {
    const std::string message(maker.make({7, i, 123456789012345}));
    EXPECT_NEAR(static_cast<double>(message.size()), 970, 15);
    std::size_t at = 0;
    for (int key = 0; key < 2; ++key) {
      (void)between(message, "<key rid=\"", "\">", at);
      const auto text = between(message, ">", "</key>", at);
      const auto bytes = crypto::base64_decode(text);
      ASSERT_TRUE(bytes && bytes->size() == 99);
      EXPECT_EQ(bytes->substr(0, 4), std::string("\x33\x0a\x21\x05", 4));
      EXPECT_EQ((*bytes)[36], 0x10);  // counter: two varint bytes
      EXPECT_NE((*bytes)[37] & 0x80, 0);
      EXPECT_EQ((*bytes)[38] & 0x80, 0);
      EXPECT_EQ(bytes->substr(39, 4), std::string("\x18\x07\x22\x30", 4));  // previousCounter, ciphertext of 48
      EXPECT_TRUE(keys.insert(text).second);
      EXPECT_TRUE(ratchet_keys.insert(bytes->substr(3, 33)).second);
    }
    const auto iv = crypto::base64_decode(between(message, "<iv>", "</iv>", at));
    ASSERT_TRUE(iv && iv->size() == 12);
    EXPECT_TRUE(ivs.insert(*iv).second);
    const auto payload = crypto::base64_decode(between(message, "<payload>", "</payload>", at));
    ASSERT_TRUE(payload && payload->size() == 96);
  }
}

TEST(Stamp, SurvivesTheWay) {
  FastRandom random;
  MessageMaker maker("a", "b", "b@localhost", random);
  const std::string message(maker.make({0xabc, 0xdef01, 0x123456789abcdef}));
  std::size_t at = 0;
  Stamp stamp;
  ASSERT_TRUE(parse_stamp(between(message, " id=\"", "\"", at), stamp));
  EXPECT_EQ(stamp.flow, 0xabcU);
  EXPECT_EQ(stamp.sequence, 0xdef01U);
  EXPECT_EQ(stamp.due, 0x123456789abcdef);
  EXPECT_FALSE(parse_stamp("2d9cf7c4-2b1f-4a3e-8e58-0123456789ab", stamp));
}

TEST(DeviceIds, AreStableDistinctAndInRange) {
  const auto ids = devices_of("bench1");
  EXPECT_EQ(ids.own, devices_of("bench1").own);
  EXPECT_NE(ids.own, ids.other);
  EXPECT_NE(ids.own, devices_of("bench2").own);
  EXPECT_TRUE(ids.own >= 1 && ids.own <= 2147483647U);
}

// As a server verifies it: y = (u − 1) / (u + 1), sign bit from the signature, Ed25519 over the 33 bytes.
bool signature_verifies(const std::string& identity, const std::string& prekey, std::string signature) {
  BN_CTX* context = BN_CTX_new();
  BIGNUM *p = BN_new(), *above = BN_new(), *below = BN_new(), *y = BN_new();
  BN_set_bit(p, 255);
  BN_sub_word(p, 19);
  BIGNUM* u = BN_lebin2bn(reinterpret_cast<const unsigned char*>(identity.data()) + 1, 32, nullptr);
  BN_mod_sub(above, u, BN_value_one(), p, context);
  BN_mod_add(below, u, BN_value_one(), p, context);
  BN_mod_inverse(below, below, p, context);
  BN_mod_mul(y, above, below, p, context);
  std::array<unsigned char, 32> key{};
  BN_bn2lebinpad(y, key.data(), 32);
  key[31] = static_cast<unsigned char>(key[31] | (static_cast<unsigned char>(signature[63]) & 0x80));
  signature[63] = static_cast<char>(signature[63] & 0x7f);
  EVP_PKEY* public_key = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, key.data(), 32);
  EVP_MD_CTX* digest = EVP_MD_CTX_new();
  const auto bytes = [](const std::string& s) { return reinterpret_cast<const unsigned char*>(s.data()); };
  const bool good = EVP_DigestVerifyInit(digest, nullptr, nullptr, nullptr, public_key) == 1 &&
                    EVP_DigestVerify(digest, bytes(signature), 64, bytes(prekey), prekey.size()) == 1;
  EVP_MD_CTX_free(digest);
  EVP_PKEY_free(public_key);
  for (BIGNUM* number : {p, above, below, y, u}) BN_free(number);
  BN_CTX_free(context);
  return good;
}

TEST(Bundle, IsSignedAsLibsignalSigns) {
  for (int i = 0; i < 20; ++i) {  // both signs of the identity key
    const auto bundle = make_bundle();
    std::size_t at = 0;
    const auto prekey = crypto::base64_decode(between(bundle, "signedPreKeyId='1'>", "<", at));
    const auto signature = crypto::base64_decode(between(bundle, "<signedPreKeySignature>", "<", at));
    const auto identity = crypto::base64_decode(between(bundle, "<identityKey>", "<", at));
    ASSERT_TRUE(prekey && signature && identity);
    ASSERT_EQ(prekey->size(), 33U);
    ASSERT_EQ(signature->size(), 64U);
    ASSERT_EQ(identity->size(), 33U);
    EXPECT_EQ((*identity)[0], 0x05);
    EXPECT_TRUE(signature_verifies(*identity, *prekey, *signature));
    auto other = *prekey;
    other[5] = static_cast<char>(other[5] ^ 1);
    EXPECT_FALSE(signature_verifies(*identity, other, *signature));
  }
}

}  // namespace
}  // namespace valise::bench
