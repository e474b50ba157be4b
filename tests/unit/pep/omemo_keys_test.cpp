#include "modules/pep/omemo_keys.hpp"

#include <gtest/gtest.h>

#include "base/crypto.hpp"

namespace valise::modules::omemo_keys {
namespace {

std::string bytes(std::string_view hex) { return *crypto::hex_decode(hex); }
Key key(std::string_view hex) { return *key_of(bytes(hex)); }

TEST(OmemoKeys, OnlyThirtyTwoBytesAreAKey) {
  EXPECT_FALSE(key_of(std::string(31, 'x')));
  EXPECT_FALSE(key_of(std::string(33, 'x')));
  EXPECT_TRUE(key_of(std::string(32, 'x')));
}

// RFC 8032 §7.1, test 2.
TEST(OmemoKeys, Rfc8032VectorVerifies) {
  const auto public_key = key("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c");
  const auto signature = bytes(
      "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
      "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00");
  EXPECT_TRUE(verify_ed25519(public_key, "\x72", signature));
  EXPECT_FALSE(verify_ed25519(public_key, "\x73", signature));
  EXPECT_FALSE(verify_ed25519(public_key, "\x72", signature.substr(1)));
}

TEST(OmemoKeys, MalleableSignatureIsRefused) {
  const auto public_key = key("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c");
  // The same signature with S + L for S (RFC 8032 §8.4).
  const auto signature = bytes(
      "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
      "f52daf1358786bc624f28a3af86f34f8377b2eaeb4302aeeb00d291612bb0c10");
  EXPECT_FALSE(verify_ed25519(public_key, "\x72", signature));
}

// RFC 7748 §4.1: the base point of Ed25519 (y = 4/5) is that of Curve25519 (u = 9).
TEST(OmemoKeys, BasePointsCorrespond) {
  const auto base = key("5866666666666666666666666666666666666666666666666666666666666666");
  Key nine{};
  nine[0] = 9;
  EXPECT_EQ(montgomery_u(base), nine);
}

TEST(OmemoKeys, SignOfAnEdwardsKeyDoesNotChangeItsMontgomeryForm) {
  auto point = key("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c");
  const auto u = montgomery_u(point);
  point[31] ^= 0x80;
  EXPECT_EQ(montgomery_u(point), u);
}

TEST(OmemoKeys, InfinityAndUnreducedKeysHaveNoMontgomeryForm) {
  Key one{};
  one[0] = 1;
  EXPECT_FALSE(montgomery_u(one));
  EXPECT_FALSE(montgomery_u(key("edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f")));
}

TEST(OmemoKeys, LowOrderPointsAreFoundWithAndWithoutTheTopBit) {
  for (const std::string_view hex : {"0000000000000000000000000000000000000000000000000000000000000000",
                                     "0100000000000000000000000000000000000000000000000000000000000000",
                                     "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
                                     "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
                                     "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
                                     "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
                                     "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"}) {
    auto point = key(hex);
    EXPECT_TRUE(is_low_order(point)) << hex;
    point[31] |= 0x80;
    EXPECT_TRUE(is_low_order(point)) << hex;
  }
  Key nine{};
  nine[0] = 9;
  EXPECT_FALSE(is_low_order(nine));
}

TEST(OmemoKeys, MinusOneHasNoEdwardsFormAndVerifiesNothing) {
  const auto minus_one = key("ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f");
  EXPECT_FALSE(verify_curve25519(minus_one, "x", std::string(64, '\0')));
}

}  // namespace
}  // namespace valise::modules::omemo_keys
