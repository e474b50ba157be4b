// Every limit of StreamLimits at n − 1, n and n + 1 (docs/security.md §3).
#include <gtest/gtest.h>

#include <memory>

#include "recorder.hpp"

namespace valise::xml {
namespace {

constexpr std::string_view violation = "fault policy-violation";

std::string repeated(std::string_view text, std::size_t count) {
  std::string out;
  for (std::size_t i = 0; i < count; ++i) out += text;
  return out;
}

// A message of exactly `size` bytes.
std::string message_of(std::size_t size) {
  const std::string start = "<message to='b@c' from='a@c' id='i' type='chat'><body>";
  const std::string end = "</body></message>";
  return start + std::string(size - start.size() - end.size(), 'x') + end;
}

StreamLimits with(void (*change)(StreamLimits&)) {
  StreamLimits limits;
  change(limits);
  return limits;
}

TEST(StanzaLimit, HoldsToTheByteAndTheStreamGoesOn) {
  const auto limits = with([](auto& l) { l.stanza = 1000; });
  EXPECT_TRUE(last_event_of(message_of(999), limits).starts_with("stanza "));
  EXPECT_TRUE(last_event_of(message_of(1000), limits).starts_with("stanza "));
  EXPECT_EQ(last_event_of(message_of(1001), limits), "oversized message to=b@c from=a@c id=i type=chat");
  const auto events = events_of(std::string(header_text) + message_of(1001) + "<presence/>" + message_of(1000), limits);
  ASSERT_EQ(events.size(), 4u);
  EXPECT_EQ(events[2], "stanza {jabber:client}presence()/");
  EXPECT_TRUE(events[3].starts_with("stanza {jabber:client}message("));
}

TEST(StanzaLimit, TwiceItEndsTheStream) {
  const auto limits = with([](auto& l) { l.stanza = 1000; });
  EXPECT_TRUE(last_event_of(message_of(1999), limits).starts_with("oversized "));
  EXPECT_TRUE(last_event_of(message_of(2000), limits).starts_with("oversized "));
  EXPECT_EQ(last_event_of(message_of(2001), limits), violation);
}

// A namespace declared once and used by many elements: written anew, each of them would say it.
TEST(StanzaLimit, CountsTheNamespacesThatElementsInherit) {
  const std::string name(50'000, 'n');
  const auto eight =
      repeated("<a xmlns='1'/><a xmlns='2'/><a xmlns='3'/><a xmlns='4'/><a xmlns='5'/><a xmlns='6'/>", 2);
  const auto prefixed = "<message id='i'>" + eight + "<x xmlns='7'/><x xmlns='8'/><x xmlns:p='" + name + "'>" +
                        repeated("<p:y/>", 5000) + "</x></message>";
  const auto between =
      "<message id='i'><x xmlns='" + name + "'>" + repeated("<p:a xmlns:p='u'><y/></p:a>", 60) + "</x></message>";
  const auto attributes = "<message id='i'><x xmlns:p='" + name + "'>" + repeated("<y p:a=''/>", 60) + "</x></message>";
  for (const auto& stanza : {prefixed, between, attributes}) {
    Recorder recorder;
    StreamParser parser(recorder, default_limits);
    ASSERT_TRUE(parser.feed(std::string(header_text) + stanza + "<presence/>"));
    ASSERT_EQ(recorder.events.size(), 3u);
    EXPECT_EQ(recorder.events[1], "oversized message to= from= id=i type=");
    EXPECT_LT(parser.memory(), 2'000'000u);
  }
}

TEST(StanzaLimit, DoesNotCountWhatIsSaidByAnAncestorAndNotAgain) {
  const std::string name(50'000, 'n');
  const auto nine = repeated("<a xmlns='1'/><a xmlns='2'/><a xmlns='3'/><a xmlns='4'/><a xmlns='5'/>", 2) +
                    "<a xmlns='6'/><a xmlns='7'/><a xmlns='8'/>";
  Recorder recorder;
  StreamParser parser(recorder, default_limits);
  ASSERT_TRUE(parser.feed(std::string(header_text) + "<message>" + nine + "<x xmlns='" + name + "'>" +
                          repeated("<y/>", 500) + "</x></message>"));
  ASSERT_EQ(recorder.documents.size(), 1u);
  EXPECT_LT(recorder.documents[0]->memory(), 300'000u);
  ASSERT_TRUE(parser.rest());
  ASSERT_TRUE(parser.feed("<a"));
  EXPECT_LT(parser.memory(), 100'000u) << "the next stream's parser keeps nothing of it";
}

TEST(StanzaLimit, ASkippedStanzaKeepsNoBytes) {
  const auto limits = with([](auto& l) { l.stanza = 100'000; });
  Recorder recorder;
  StreamParser parser(recorder, limits);
  ASSERT_TRUE(parser.feed(header_text));
  const auto message = message_of(199'000);
  std::size_t most = 0;
  for (std::size_t at = 0; at < message.size(); at += 1000) {
    ASSERT_TRUE(parser.feed(std::string_view(message).substr(at, 1000)));
    if (at > 120'000) most = std::max(most, parser.memory());
  }
  EXPECT_EQ(recorder.events.back(), "oversized message to=b@c from=a@c id=i type=chat");
  EXPECT_LT(most, 400'000u) << "what was reserved up to the limit, and no more";
  ASSERT_TRUE(parser.feed("<presence/>"));
  EXPECT_EQ(recorder.events.back(), "stanza {jabber:client}presence()/");
}

TEST(StanzaLimit, AnOversizedFirstTagIsBouncedWithCutAddresses) {
  const auto limits = with([](auto& l) { l.stanza = 1000; });
  const std::string stanza = "<message to='" + std::string(900, 'b') + "' id='" + std::string(300, 'i') + "'/>";
  EXPECT_EQ(last_event_of(stanza, limits),
            "oversized message to=" + std::string(900, 'b') + " from= id=" + std::string(300, 'i') + " type=");
}

TEST(StanzaLimit, InASkippedStanzaOtherLimitsCountTwice) {
  const auto limits = with([](auto& l) { l.stanza = 200, l.attributes = 2, l.children = 4, l.depth = 3; });
  const std::string many =
      "<message id='7'><body>" + std::string(190, 'x') + "</body>" + repeated("<a b='' c='' d=''/>", 5);
  EXPECT_EQ(last_event_of(many + "</message>", limits), "oversized message to= from= id=7 type=");
  EXPECT_EQ(last_event_of(many + "<a/><a/></message>", limits), violation);
  const std::string large = "<message id='7'><body>" + std::string(190, 'x') + "</body>";
  EXPECT_EQ(last_event_of(large + "<a b='' c='' d='' e='' f=''/></message>", limits), violation);
  EXPECT_EQ(last_event_of(large + repeated("<a>", 6) + repeated("</a>", 6) + "</message>", limits), violation);
}

TEST(TokenLimit, HoldsToTheByteInOnePieceAndInMany) {
  const auto limits = with([](auto& l) { l.token = 500; });
  for (const std::size_t size : {499u, 500u, 501u}) {
    const std::string tag = "<a b='" + std::string(size - 9, 'x') + "'/>";
    ASSERT_EQ(tag.size(), size);
    const auto stream = std::string(header_text) + "<message>" + tag + "</message>";
    const auto whole = events_of(stream, limits);
    EXPECT_EQ(whole.back() == violation, size > 500) << size;
    EXPECT_EQ(events_of(stream, limits, [](std::size_t) { return std::size_t{1}; }), whole);
    EXPECT_EQ(events_of(stream, limits, [](std::size_t left) { return std::min<std::size_t>(left, 450); }), whole);
  }
}

TEST(TokenLimit, CountsTheHeaderToo) {
  const auto limits = with([](auto& l) { l.token = static_cast<std::uint32_t>(header_text.size()); });
  EXPECT_EQ(events_of(header_text, limits).size(), 1u);
  auto less = limits;
  --less.token;
  EXPECT_EQ(events_of(header_text, less), std::vector<std::string>{std::string(violation)});
}

TEST(TokenLimit, TextIsNoToken) {
  const auto limits = with([](auto& l) { l.token = 300; });
  EXPECT_TRUE(last_event_of(message_of(5000), limits).starts_with("stanza "));
  EXPECT_TRUE(events_of(std::string(1000, ' ') + std::string(header_text), limits).back().starts_with("header "));
}

TEST(TokenLimit, AnEndlessTagWithoutAnEndIsStopped) {
  const auto limits = with([](auto& l) { l.token = 10'000; });
  Recorder recorder;
  StreamParser parser(recorder, limits);
  ASSERT_TRUE(parser.feed(header_text));
  ASSERT_TRUE(parser.feed("<message id='"));
  std::size_t sent = 0;
  const std::string piece(700, 'x');
  while (parser.feed(piece)) {
    sent += piece.size();
    ASSERT_LT(sent, 25'000u) << "the limit, and what is held back until it has doubled";
  }
}

// RFC 6120 §8.3: a stanza with an id that is known is bounced, and the stream goes on; up to twice the limit.
enum class Outcome { passes, bounced, ends };

Outcome outcome_of(const std::string& stanza, const StreamLimits& limits) {
  const auto stream = std::string(header_text) + stanza + "<presence/>";
  const auto events = events_of(stream, limits);
  EXPECT_EQ(events_of(stream, limits, [](std::size_t) { return std::size_t{1}; }), events) << stanza;
  if (events.back() == violation) return Outcome::ends;
  EXPECT_EQ(events.size(), 3u) << stanza;
  EXPECT_EQ(events.back(), "stanza {jabber:client}presence()/") << stanza;
  return events[1].starts_with("oversized message to=b@c from= id=i type=") ? Outcome::bounced : Outcome::passes;
}

Outcome expected_of(std::size_t count, std::size_t limit) {
  return count <= limit ? Outcome::passes : count <= 2 * limit ? Outcome::bounced : Outcome::ends;
}

constexpr std::string_view start = "<message to='b@c' id='i'>";

TEST(DepthLimit, CountsTheStanzaAsOne) {
  const auto limits = with([](auto& l) { l.depth = 8; });
  for (const std::size_t depth : {7u, 8u, 9u, 15u, 16u, 17u}) {
    const auto stanza = std::string(start) + repeated("<a>", depth - 1) + repeated("</a>", depth - 1) + "</message>";
    EXPECT_EQ(outcome_of(stanza, limits), expected_of(depth, 8)) << depth;
  }
}

TEST(AttributeLimit, CountsOneElement) {
  const auto limits = with([](auto& l) { l.attributes = 5; });
  for (const std::size_t count : {4u, 5u, 6u, 10u, 11u}) {
    std::string stanza = std::string(start) + "<a";
    for (std::size_t i = 0; i < count; ++i) stanza += " a" + std::to_string(i) + "=''";
    EXPECT_EQ(outcome_of(stanza + "/><b a='' b='' c='' d=''/></message>", limits), expected_of(count, 5)) << count;
  }
}

TEST(AttributeLimit, HoldsForTheStanzaItself) {
  const auto limits = with([](auto& l) { l.attributes = 3; });
  for (const std::size_t count : {3u, 4u, 6u, 7u}) {
    std::string stanza = "<message";
    for (std::size_t i = 2; i < count; ++i) stanza += " a" + std::to_string(i) + "=''";
    EXPECT_EQ(outcome_of(stanza + " to='b@c' id='i'/>", limits), expected_of(count, 3)) << count;
  }
}

TEST(ChildLimit, CountsElementsAndTextsOfAStanzaAndBeginsAnewWithTheNext) {
  const auto limits = with([](auto& l) { l.children = 5; });  // the stanza itself is one
  for (const std::size_t count : {3u, 4u, 5u, 9u, 10u}) {
    EXPECT_EQ(outcome_of(std::string(start) + repeated("<a/>", count) + "</message>", limits),
              expected_of(count + 1, 5))
        << count;
  }
  EXPECT_EQ(outcome_of(std::string(start) + "t<a/>t<a/></message>", limits), Outcome::passes);
  EXPECT_EQ(outcome_of(std::string(start) + "t<a/>t<a/>t</message>", limits), Outcome::bounced);
  const auto twice = repeated("<message><a/><a/><a/><a/></message>", 3);
  EXPECT_EQ(events_of(std::string(header_text) + twice, limits).size(), 4u);
}

TEST(ChildLimit, ASkippedStanzaLeavesNothingToTheNext) {
  const auto limits = with([](auto& l) { l.children = 5; });
  const auto stream = std::string(header_text) + repeated("<message id='i'>" + repeated("<a/>", 7) + "</message>", 9);
  EXPECT_EQ(events_of(stream, limits).size(), 10u);
  EXPECT_EQ(last_event_of(repeated("<message id='i'>" + repeated("<a/>", 7) + "</message>", 9), limits),
            "oversized message to= from= id=i type=");
}

TEST(NamespaceLimit, CountsTheDeclarationsOfOneStanza) {
  const auto limits = with([](auto& l) { l.namespaces = 4; });
  for (const std::size_t count : {3u, 4u, 5u}) {
    EXPECT_EQ(last_event_of("<message>" + repeated("<a xmlns='u'/>", count) + "</message>", limits) == violation,
              count > 4);
    std::string prefixes = "<message";
    for (std::size_t i = 0; i < count; ++i) prefixes += " xmlns:p" + std::to_string(i) + "='u'";
    EXPECT_EQ(last_event_of(prefixes + "/>", limits) == violation, count > 4) << count;
  }
}

TEST(NamespaceLimit, IsNotUsedUpByFormerStanzas) {
  const auto limits = with([](auto& l) { l.namespaces = 2; });
  const auto stanza = std::string("<iq xmlns='jabber:client' type='get' id='1'><ping xmlns='urn:xmpp:ping'/></iq>");
  EXPECT_EQ(events_of(std::string(header_text) + repeated(stanza, 100), limits).size(), 101u);
  const auto oversized = "<message xmlns='jabber:client'><a xmlns='" + std::string(300, 'u') + "'/></message>";
  auto small = limits;
  small.stanza = 250;
  EXPECT_EQ(events_of(std::string(header_text) + repeated(oversized, 10), small).size(), 11u);
}

TEST(Limits, MayChangeWithARestart) {
  Recorder recorder;
  const auto small = with([](auto& l) { l.stanza = 200; });
  const auto large = with([](auto& l) { l.stanza = 2000; });
  StreamParser parser(recorder, small);
  ASSERT_TRUE(parser.feed(std::string(header_text) + message_of(300)));
  EXPECT_TRUE(recorder.events.back().starts_with("oversized"));
  parser.restart(large);
  ASSERT_TRUE(parser.feed(std::string(header_text) + message_of(300)));
  EXPECT_TRUE(recorder.events.back().starts_with("stanza"));
}

// The settings that they come from may be replaced, and gone, before the next bytes are read.
TEST(Limits, AreCopied) {
  Recorder recorder;
  auto settings = std::make_unique<StreamLimits>(with([](auto& l) { l.stanza = 200; }));
  StreamParser parser(recorder, *settings);
  *settings = with([](auto& l) { l.stanza = 2000; });
  ASSERT_TRUE(parser.feed(std::string(header_text) + message_of(300)));
  EXPECT_TRUE(recorder.events.back().starts_with("oversized"));
  parser.set_limits(*settings);
  settings->stanza = 100;
  settings.reset();
  ASSERT_TRUE(parser.feed(message_of(300)));
  EXPECT_TRUE(recorder.events.back().starts_with("stanza"));
}

TEST(Keepalive, BetweenStanzasIsNoStanzaThatHasBegun) {
  Recorder recorder;
  StreamParser parser(recorder, default_limits);
  ASSERT_TRUE(parser.feed(std::string(header_text) + "<presence/>"));
  ASSERT_TRUE(parser.feed(" "));
  EXPECT_FALSE(parser.in_stanza());
  ASSERT_TRUE(parser.feed("<presence"));
  ASSERT_TRUE(parser.feed(" "));
  EXPECT_TRUE(parser.in_stanza());
  ASSERT_TRUE(parser.feed("/> \n"));
  EXPECT_FALSE(parser.in_stanza());
  EXPECT_TRUE(parser.rest());
  EXPECT_EQ(recorder.events.size(), 3u);
}

}  // namespace
}  // namespace valise::xml
