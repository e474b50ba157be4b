#include <gtest/gtest.h>

#include "core/jid/jid.hpp"
#include "core/jid/stringprep.hpp"

namespace valise::core {
namespace {

using namespace std::string_literals;

TEST(HostileJid, IllFormedUtf8IsRefusedEverywhere) {
  for (const auto& bytes : {"\x80"s, "\xC3"s, "\xC0\xAF"s, "\xE0\x80\xAF"s, "\xF0\x80\x80\xAF"s, "\xED\xA0\x80"s,
                            "\xF4\x90\x80\x80"s, "\xF8\x88\x80\x80\x80"s, "\xFF"s, "\xC1\x81"s}) {
    EXPECT_FALSE(Jid::parse("a" + bytes + "@b.example")) << testing::PrintToString(bytes);
    EXPECT_FALSE(Jid::parse("a@b" + bytes + ".example")) << testing::PrintToString(bytes);
    EXPECT_FALSE(Jid::parse("a@b.example/r" + bytes)) << testing::PrintToString(bytes);
  }
}

TEST(HostileJid, NulIsRefusedEverywhere) {
  EXPECT_FALSE(Jid::parse("a\0b@c.example"s));
  EXPECT_FALSE(Jid::parse("a@c.example\0"s));
  EXPECT_FALSE(Jid::parse("a@c.ex\0ample"s));
  EXPECT_FALSE(Jid::parse("a@[::1\0]"s));
  EXPECT_FALSE(Jid::parse("a@c.example/r\0"s));
  EXPECT_FALSE(Jid::parse("é\0@c.example/r"s));
  EXPECT_FALSE(Jid::parse("a@c.example/é\0"s));
}

TEST(HostileJid, APartHas1023BytesAndNotOneMore) {
  const std::string most(1023, 'a');
  EXPECT_TRUE(Jid::parse(most + "@b.example/" + most));
  EXPECT_FALSE(Jid::parse(most + "a@b.example"));
  EXPECT_FALSE(Jid::parse("a@b.example/" + most + "a"));
  EXPECT_EQ(Jid::parse(most + "@b.example/" + most)->resource().size(), 1023u);
}

TEST(HostileJid, TheBoundCountsBytesAfterPreparation) {
  std::string text;
  while (text.size() < 1022) text += "é";
  EXPECT_TRUE(Jid::parse(text + "@b.example"));     // 1022 bytes
  EXPECT_TRUE(Jid::parse(text + "e@b.example"));    // 1023
  EXPECT_FALSE(Jid::parse(text + "ee@b.example"));  // 1024
  std::string decomposed;
  for (int i = 0; i < 500; ++i) decomposed += "e\xCC\x81";  // 1500 bytes, 1000 when composed
  EXPECT_TRUE(Jid::parse(decomposed + "@b.example"));
  std::string growing;
  for (int i = 0; i < 60; ++i) growing += "\uFDFA";  // 3 bytes become 33
  EXPECT_FALSE(Jid::parse("a@b.example/" + growing));
  EXPECT_FALSE(Jid::parse("a@b.example/é" + std::string(1 << 20, 'x')));
}

TEST(HostileJid, FoldingThatYieldsADelimiterIsRefusedInTheLocalPart) {
  for (const auto* bad :
       {"a＠b@c.example", "a／b@c.example", "a＂@c.example", "a：@c.example", "a＜@c.example", "a℀@c.example"}) {
    EXPECT_FALSE(Jid::parse(bad)) << bad;
  }
}

TEST(HostileJid, APartThatPreparationEmptiesIsRefused) {
  EXPECT_FALSE(Jid::parse("\u00AD@b.example"));
  EXPECT_FALSE(Jid::parse("a@b.example/\u200B"));
  EXPECT_FALSE(Jid::parse("a@\u00AD"));
}

TEST(HostileJid, InvisibleAndPrivateCharactersAreRefused) {
  for (const auto* bad : {"\u00A0", "\u2003", "\u3000", "\u0085", "\u2028", "\u202E", "\u206A", "\uFEFF\u200E",
                          "\uE000", "\U000F0000", "\uFFFD", "\uFFFE", "\U0001FFFF", "\U000E0041", "\u2FF0"}) {
    EXPECT_FALSE(Jid::parse(std::string("a") + bad + "b@c.example")) << testing::PrintToString(std::string(bad));
  }
}

TEST(HostileJid, MixedDirectionsAreRefused) {  // RFC 3454 §6
  EXPECT_TRUE(Jid::parse("שלום@example.com"));
  EXPECT_TRUE(Jid::parse("a@example.com/שלום"));
  EXPECT_FALSE(Jid::parse("שa@example.com"));
  EXPECT_FALSE(Jid::parse("ש1@example.com"));  // must end as it begins
  EXPECT_FALSE(Jid::parse("a@example.com/aש"));
  EXPECT_FALSE(Jid::parse("a@שa.example"));
}

TEST(HostileJid, WhatParsesParsesToItself) {
  for (const auto* text : {"ÀÉ@ÖÜ.example/ﬃ…", "ⅣX@b.example/℡", "a@b.example/\u037A\u03B0", "ΰ@b.example/\u1E9B\u0323",
                           "\u0345\u0301a@b.example", "a@b.example/\u3164x", "\U0001F130@b.example", "ﬀ@ﬀ.example"}) {
    const auto once = Jid::parse(text);
    if (!once) continue;
    const auto twice = Jid::parse(once->full());
    ASSERT_TRUE(twice) << text;
    EXPECT_EQ(*once, *twice) << text;
    EXPECT_EQ(once->local(), twice->local());
    EXPECT_EQ(once->domain(), twice->domain());
  }
}

TEST(HostileJid, ErrorsDoNotRepeatTheInput) {
  const auto refused = Jid::parse("sec ret@b.example");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::invalid);
  EXPECT_EQ(refused.error().text.find("sec"), std::string::npos);
}

TEST(Saslprep, Rfc4013Examples) {  // RFC 4013 §3
  EXPECT_EQ(*prepare(Profile::saslprep, "I\u00ADX"), "IX");
  EXPECT_EQ(*prepare(Profile::saslprep, "user"), "user");
  EXPECT_EQ(*prepare(Profile::saslprep, "USER"), "USER");
  EXPECT_EQ(*prepare(Profile::saslprep, "ª"), "a");
  EXPECT_EQ(*prepare(Profile::saslprep, "Ⅸ"), "IX");
  EXPECT_FALSE(prepare(Profile::saslprep, "\u0007"));
  EXPECT_FALSE(prepare(Profile::saslprep, "\u06271"));
}

}  // namespace
}  // namespace valise::core
