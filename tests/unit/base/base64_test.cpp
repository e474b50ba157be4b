#include <gtest/gtest.h>
#include <openssl/evp.h>

#include <string>

#include "base/base64.hpp"
#include "base/crypto.hpp"

namespace valise::crypto {
namespace {

// RFC 4648 §10.
TEST(Base64, reads_and_writes_the_vectors_of_the_specification) {
  const std::pair<std::string, std::string> vectors[] = {{"", ""},
                                                         {"f", "Zg=="},
                                                         {"fo", "Zm8="},
                                                         {"foo", "Zm9v"},
                                                         {"foob", "Zm9vYg=="},
                                                         {"fooba", "Zm9vYmE="},
                                                         {"foobar", "Zm9vYmFy"}};
  for (const auto& [plain, text] : vectors) {
    EXPECT_EQ(base64_encode(plain), text);
    EXPECT_EQ(base64_decode(text), plain);
  }
}

TEST(Base64, agrees_with_openssl_at_every_length_and_byte) {
  std::string plain;
  for (int length = 0; length < 600; ++length) {
    std::string expected(static_cast<std::size_t>(length) / 3 * 4 + 8, '\0');
    const int size = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(expected.data()),
                                     reinterpret_cast<const unsigned char*>(plain.data()), length);
    expected.resize(static_cast<std::size_t>(size));
    EXPECT_EQ(base64_encode(plain), expected);
    EXPECT_EQ(base64_decode(expected), plain);
    plain += static_cast<char>(length * 151);
  }
}

TEST(Base64, any_byte_that_is_no_digit_is_refused_wherever_it_stands) {
  const std::string alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  for (const std::string text : {"Zm9vYmFyZm9v", "Zm9vYmFyZm8=", "Zm9vYmFyZg=="}) {
    const auto digits = text.find('=') == std::string::npos ? text.size() : text.find('=');
    for (std::size_t at = 0; at < digits; ++at) {
      for (int byte = 0; byte < 256; ++byte) {
        auto broken = text;
        broken[at] = static_cast<char>(byte);
        const bool last = at + 1 == digits;
        if (alphabet.find(broken[at]) == std::string::npos && !(last && byte == '=')) {
          EXPECT_EQ(base64_decode(broken), std::nullopt) << at << " " << byte;
        }
      }
    }
  }
}

TEST(Base64, into_a_buffer_it_is_the_same_and_never_more_than_fits) {
  for (const std::string text : {"", "Zg==", "Zm8=", "Zm9v", "Zm9vYmFy", "Zm9vYmFyZg==", "Zm9",
                                 "Zm9v====", "Zh==", "Z===", "Zm9v\nYmFy", "Zg==Zm9v", "===="}) {
    char out[12];
    const auto plain = base64_decode(text);
    const auto size = base64_decode(text, out);
    ASSERT_EQ(size.has_value(), plain.has_value()) << text;
    if (size) EXPECT_EQ(std::string(out, *size), *plain);
  }
  char small[5];
  EXPECT_EQ(base64_decode("Zm9vYmFy", small), std::nullopt);
}

// RFC 4648 §3.5: one text for one value.
TEST(Base64, bits_that_no_byte_takes_must_be_zero) {
  EXPECT_EQ(base64_decode("Zh=="), std::nullopt);
  EXPECT_EQ(base64_decode("Zm9="), std::nullopt);
  EXPECT_EQ(base64_decode("Zg==Zg=="), std::nullopt);
}

TEST(Base64, wrong_lengths_and_lone_padding_are_refused) {
  for (const auto* text : {"Z", "Zg", "Zm8", "Zm9vY", "=", "==", "====", "Z===", "=g=="}) {
    EXPECT_EQ(base64_decode(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace valise::crypto
