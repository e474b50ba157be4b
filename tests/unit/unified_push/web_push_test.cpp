#include "modules/unified_push/web_push.hpp"

#include <gtest/gtest.h>

#include "base/crypto.hpp"

namespace valise::modules::unified_push {
namespace {

constexpr std::string_view aes128gcm = "aes128gcm";

std::string base64url(std::string text) {
  for (auto& c : text) c = c == '-' ? '+' : c == '_' ? '/' : c;
  text.append((4 - text.size() % 4) % 4, '=');
  return crypto::base64_decode(text).value();
}

// RFC 8291 §5: the example.
std::string example() {
  return base64url(
      "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_"
      "c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_"
      "yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN");
}

TEST(WebPush, TheExampleOfTheRfcIsOne) {
  EXPECT_EQ(example().size(), 144U);
  EXPECT_TRUE(is_web_push(aes128gcm, example()));
}

TEST(WebPush, AnotherCodingIsNone) {
  for (const auto* coding : {"", "aesgcm", "gzip", "aes128gcm, gzip", "AES128GCM "}) {
    EXPECT_FALSE(is_web_push(coding, example())) << coding;
  }
}

TEST(WebPush, EveryBeginningOfOneThatHasNoWholeTagIsNone) {
  const auto whole = example();
  for (std::size_t size = 0; size < 86 + 17; ++size)
    EXPECT_FALSE(is_web_push(aes128gcm, whole.substr(0, size))) << size;
  EXPECT_TRUE(is_web_push(aes128gcm, whole.substr(0, 86 + 17)));
}

TEST(WebPush, AKeyThatIsNotOnTheCurveOrNotWholeIsNone) {
  for (const std::size_t at : {20, 21, 22, 60, 85}) {
    auto forged = example();
    forged[at] = static_cast<char>(forged[at] ^ 1);
    EXPECT_FALSE(is_web_push(aes128gcm, forged)) << at;
  }
}

TEST(WebPush, MoreThanOneRecordIsNone) {
  auto body = example();
  const auto with_size = [&](char high, char low) {
    body[18] = high;
    body[19] = low;
    return is_web_push(aes128gcm, body);
  };
  EXPECT_TRUE(with_size(0, 58));
  EXPECT_FALSE(with_size(0, 57));
  EXPECT_FALSE(with_size(0, 17));
}

TEST(WebPush, TextBehindAHeaderIsNone) {
  EXPECT_FALSE(is_web_push(aes128gcm, example().substr(0, 86) + "This was never encrypted by anybody."));
}

}  // namespace
}  // namespace valise::modules::unified_push
