#include "core/jid/jid.hpp"

#include <gtest/gtest.h>

#include <set>
#include <thread>
#include <unordered_set>

namespace valise::core {
namespace {

std::string full(std::string_view text) {
  const auto jid = Jid::parse(text);
  return jid ? std::string(jid->full()) : "refused: " + jid.error().text;
}

TEST(Jid, Rfc7622ValidExamplesParse) {  // RFC 7622 §3.5, table 1
  EXPECT_EQ(full("juliet@example.com"), "juliet@example.com");
  EXPECT_EQ(full("juliet@example.com/foo"), "juliet@example.com/foo");
  EXPECT_EQ(full("juliet@example.com/foo bar"), "juliet@example.com/foo bar");
  EXPECT_EQ(full("juliet@example.com/foo@bar"), "juliet@example.com/foo@bar");
  EXPECT_EQ(full("foo\\20bar@example.com"), "foo\\20bar@example.com");
  EXPECT_EQ(full("fussball@example.com"), "fussball@example.com");
  EXPECT_EQ(full("π@example.com"), "π@example.com");
  EXPECT_EQ(full("king@example.com/♚"), "king@example.com/♚");
  EXPECT_EQ(full("example.com"), "example.com");
  EXPECT_EQ(full("example.com/foobar"), "example.com/foobar");
  EXPECT_EQ(full("a.example.com/b@example.net"), "a.example.com/b@example.net");
}

TEST(Jid, StringprepFoldsWherePrecisWouldNot) {  // RFC 6122 differs from RFC 7622 §3.5 examples 7 and 9
  EXPECT_EQ(full("fußball@example.com"), "fussball@example.com");
  EXPECT_EQ(full("Σ@example.com/foo"), "σ@example.com/foo");
  EXPECT_EQ(full("ς@example.com/foo"), "σ@example.com/foo");
}

TEST(Jid, Rfc7622InvalidExamplesAreRefused) {  // RFC 7622 §3.5, table 2
  for (const auto* text : {"\"juliet\"@example.com", "foo bar@example.com", "@example.com/", "@example.com",
                           "henry\xE2\x85\xA3 @example.com", "juliet@", "/foobar", ""}) {
    EXPECT_FALSE(Jid::parse(text)) << text;
  }
}

TEST(Jid, PartsOfAFullJid) {
  const auto jid = Jid::parse("Alice@Example.COM/Phone");
  ASSERT_TRUE(jid);
  EXPECT_EQ(jid->full(), "alice@example.com/Phone");
  EXPECT_EQ(jid->bare(), "alice@example.com");
  EXPECT_EQ(jid->local(), "alice");
  EXPECT_EQ(jid->domain(), "example.com");
  EXPECT_EQ(jid->resource(), "Phone");
  EXPECT_FALSE(jid->is_bare());
  EXPECT_TRUE(jid->has_local());
}

TEST(Jid, PartsOfADomain) {
  const auto jid = Jid::parse("Example.com");
  ASSERT_TRUE(jid);
  EXPECT_EQ(jid->local(), "");
  EXPECT_EQ(jid->domain(), "example.com");
  EXPECT_EQ(jid->resource(), "");
  EXPECT_TRUE(jid->is_bare());
  EXPECT_FALSE(jid->has_local());
}

TEST(Jid, NoJidHasNoParts) {
  const Jid none;
  EXPECT_TRUE(none.empty());
  EXPECT_EQ(none.bare(), "");
  EXPECT_EQ(none.domain(), "");
  EXPECT_TRUE(none.is_bare());
}

TEST(Jid, ToBareAndToDomainKeepTheParts) {
  const auto jid = Jid::parse("a@b.example/c");
  ASSERT_TRUE(jid);
  EXPECT_EQ(jid->to_bare(), *Jid::parse("a@b.example"));
  EXPECT_EQ(jid->to_bare().local(), "a");
  EXPECT_EQ(jid->to_domain(), *Jid::parse("b.example"));
  EXPECT_EQ(jid->to_domain().domain(), "b.example");
  EXPECT_TRUE(jid->same_bare(jid->to_bare()));
}

TEST(Jid, WithResourcePreparesAndReplaces) {
  const auto jid = Jid::parse("a@b.example/old");
  ASSERT_TRUE(jid);
  const auto other = jid->with_resource("ﬁn");
  ASSERT_TRUE(other);
  EXPECT_EQ(other->full(), "a@b.example/fin");
  EXPECT_EQ(other->resource(), "fin");
  EXPECT_FALSE(jid->with_resource(""));
  EXPECT_FALSE(jid->with_resource("a\nb"));
  EXPECT_FALSE(jid->with_resource(std::string(1024, 'x')));
}

TEST(Jid, AnEmojiResourceWorks) {
  EXPECT_EQ(full("a@b.example/📱"), "a@b.example/📱");
  EXPECT_EQ(full("a@b.example/🦊 laptop 🥐"), "a@b.example/🦊 laptop 🥐");
}

TEST(Jid, ResourcesKeepTheirCase) { EXPECT_EQ(full("a@b.example/Ab"), "a@b.example/Ab"); }

TEST(Jid, Xep0106EscapesStay) { EXPECT_EQ(full("d\\27artagnan\\40x@b.example"), "d\\27artagnan\\40x@b.example"); }

TEST(Jid, TheFirstSlashAndTheFirstAtSignSplit) {
  const auto jid = Jid::parse("a@b.example/c/d@e/f");
  ASSERT_TRUE(jid);
  EXPECT_EQ(jid->resource(), "c/d@e/f");
  EXPECT_FALSE(Jid::parse("a@b@c.example"));
}

TEST(Jid, MakeNeverSplits) {
  EXPECT_EQ(Jid::make("Alice", "b.example", "r")->full(), "alice@b.example/r");
  EXPECT_EQ(Jid::make("", "b.example")->full(), "b.example");
  EXPECT_FALSE(Jid::make("a@c.example", "b.example"));
  EXPECT_FALSE(Jid::make("a/x", "b.example"));
  EXPECT_FALSE(Jid::make("a", "b.example/x"));
  EXPECT_FALSE(Jid::make("a", "c@b.example"));
  EXPECT_FALSE(Jid::make("a", ""));
}

TEST(Jid, EqualityHashAndOrderFollowTheCanonicalText) {
  const auto a = *Jid::parse("A@b.example/x");
  const auto same = *Jid::parse("a@B.example./x");
  const auto other = *Jid::parse("a@b.example/y");
  EXPECT_EQ(a, same);
  EXPECT_EQ(std::hash<Jid>()(a), std::hash<Jid>()(same));
  EXPECT_NE(a, other);
  EXPECT_LT(a, other);
  EXPECT_EQ((std::unordered_set<Jid>{a, same, other}).size(), 2u);
  EXPECT_EQ((std::set<Jid>{a, same, other}).size(), 2u);
}

TEST(Jid, EachAsciiCharacterIsAllowedExactlyWhereTheProfilesSay) {
  const std::string_view refused_in_local = " \"&'/:<>@";
  for (int c = 1; c < 128; ++c) {
    const std::string one(1, static_cast<char>(c));
    const bool control = c < 0x20 || c == 0x7f;
    EXPECT_EQ(Jid::make("x" + one + "x", "b.example").has_value(),
              !control && refused_in_local.find(one) == std::string_view::npos)
        << c;
    EXPECT_EQ(Jid::make("x", "b.example", "x" + one + "x").has_value(), !control) << c;
  }
}

TEST(Jid, ThreadsMayParseAtOnce) {
  std::vector<std::thread> threads;
  std::atomic<int> wrong = 0;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&wrong] {
      for (int i = 0; i < 500; ++i) {
        if (full("ÉLISE@Münich.example/ﬁn") != "élise@münich.example/fin") ++wrong;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

}  // namespace
}  // namespace valise::core
