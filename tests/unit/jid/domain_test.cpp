#include <gtest/gtest.h>

#include "core/jid/domain.hpp"
#include "core/jid/jid.hpp"

namespace valise::core {
namespace {

std::string domain(std::string_view text) {
  const auto jid = Jid::parse(text);
  return jid ? std::string(jid->full()) : "refused";
}

std::string label(std::size_t size) { return std::string(size, 'a'); }

TEST(JidDomain, AsciiIsFolded) { EXPECT_EQ(domain("WWW.Example.COM"), "www.example.com"); }

TEST(JidDomain, OneTrailingDotGoes) {  // RFC 7622 §3.2
  EXPECT_EQ(domain("example.com."), "example.com");
  EXPECT_EQ(domain("example.com.."), "refused");
  EXPECT_EQ(domain("."), "refused");
}

TEST(JidDomain, LabelsAreLettersDigitsHyphens) {
  EXPECT_EQ(domain("a-b.c1"), "a-b.c1");
  EXPECT_EQ(domain("localhost"), "localhost");
  for (const auto* bad :
       {"-a.example", "a-.example", "a..example", ".example", "a_b.example", "a b.example", "a:5222", "a\\b", "a,b"}) {
    EXPECT_EQ(domain(bad), "refused") << bad;
  }
}

TEST(JidDomain, ALabelHas63Characters) {
  EXPECT_EQ(domain(label(63) + ".example"), label(63) + ".example");
  EXPECT_EQ(domain(label(64) + ".example"), "refused");
}

TEST(JidDomain, ADomainHas1023Bytes) {
  std::string name;
  for (int i = 0; i < 15; ++i) name += label(63) + ".";
  EXPECT_EQ(domain(name + label(63)), name + label(63));  // 960 + 63
  EXPECT_EQ(domain(name + label(62) + "."), name + label(62));
  EXPECT_EQ(domain(name + label(61) + ".b"), name + label(61) + ".b");
  EXPECT_EQ(domain(name + label(62) + ".b"), "refused");
}

TEST(JidDomain, InternationalisedNamesAreKeptAsULabels) {
  EXPECT_EQ(domain("MÜNCHEN.example"), "münchen.example");
  EXPECT_EQ(domain("mu\xCC\x88nchen.example"), "münchen.example");
  EXPECT_EQ(domain("例え.テスト"), "例え.テスト");
}

TEST(JidDomain, ALabelsAndULabelsAreOneDomain) {  // RFC 7622 §3.2.1
  EXPECT_EQ(domain("xn--mnchen-3ya.example"), "münchen.example");
  EXPECT_EQ(domain("XN--MNCHEN-3YA.example"), "münchen.example");
}

TEST(JidDomain, AnALabelNeverTurnsIntoAnotherName) {
  EXPECT_EQ(domain("straße.example"), "strasse.example");               // nameprep, as RFC 6122 has it
  EXPECT_EQ(domain("xn--strae-oqa.example"), "xn--strae-oqa.example");  // IDNA 2008's other domain
}

TEST(JidDomain, DirectionsMixBetweenLabelsOnly) {  // RFC 3490 §4: each label alone
  EXPECT_EQ(domain("a.xn--4dbrk0ce"), "a.ישראל");
  EXPECT_EQ(domain("a.ישראל"), "a.ישראל");
  EXPECT_EQ(domain("aישראל.example"), "refused");
}

TEST(JidDomain, TheAsciiFormIsForDnsAndSni) {
  EXPECT_EQ(ascii_domain("example.com"), "example.com");
  EXPECT_EQ(ascii_domain("a.münchen.example"), "a.xn--mnchen-3ya.example");
  EXPECT_EQ(ascii_domain("xn--strae-oqa.example"), "xn--strae-oqa.example");
  EXPECT_EQ(ascii_domain("[::1]"), "::1");
}

TEST(JidDomain, BadALabelsAreRefused) {
  for (const auto* bad : {"xn--.example", "xn--a.example", "xn--99999999.example", "xn--abc-.example"}) {
    EXPECT_EQ(domain(bad), "refused") << bad;
  }
}

TEST(JidDomain, OtherDotsSeparateLabels) {
  EXPECT_EQ(domain("例え。テスト"), "例え.テスト");
  EXPECT_EQ(domain("例え．テスト"), "例え.テスト");
  EXPECT_EQ(domain("例え.テスト。"), "例え.テスト");
}

TEST(JidDomain, CompatibilityFormsDoNotSmuggleDelimiters) {
  EXPECT_EQ(domain("a＠b.example"), "refused");
  EXPECT_EQ(domain("a／b.example"), "refused");
  EXPECT_EQ(domain("a℀b.example"), "refused");  // folds to a/c
  EXPECT_EQ(domain("ｅｘａｍｐｌｅ.com"), "example.com");
}

TEST(JidDomain, LettersYoungerThanNameprepAreFolded) {
  EXPECT_EQ(domain("Ⰰ.example"), domain("ⰰ.example"));  // Glagolitic, Unicode 4.1
  EXPECT_NE(domain("Ⰰ.example"), "refused");
}

TEST(JidDomain, AddressesMayBeDomains) {
  EXPECT_EQ(domain("a@192.0.2.7/r"), "a@192.0.2.7/r");
  EXPECT_EQ(domain("a@[2001:DB8:0:0::1]/r"), "a@[2001:db8::1]/r");
  EXPECT_EQ(domain("[::1]"), "[::1]");
  for (const auto* bad : {"[", "[]", "[::1", "::1", "[::1].", "[::g]", "[192.0.2.7]", "[fe80::1%eth0]", "x[::1]",
                          "[1:2:3:4:5:6:7:8:9]"}) {
    EXPECT_EQ(domain(bad), "refused") << bad;
  }
}

}  // namespace
}  // namespace valise::core
