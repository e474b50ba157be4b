// A stream's life: header, keepalives, restarts in the middle of a read, rest and resumption, end.
#include <gtest/gtest.h>

#include <thread>

#include "recorder.hpp"

namespace valise::xml {
namespace {

constexpr std::string_view starttls = "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>";

TEST(Header, IsReportedWithAllThatItSays) {
  EXPECT_EQ(events_of("<?xml version='1.0'?><stream:stream xmlns='jabber:client' "
                      "xmlns:stream='http://etherx.jabber.org/streams' to='a.example' from='j@a.example' version='1.0' "
                      "xml:lang='fr-FR' id='x&apos;y'>"),
            std::vector<std::string>{"header stream:stream ns=http://etherx.jabber.org/streams content=jabber:client "
                                     "to=a.example from=j@a.example version=1.0 lang=fr-FR id=x'y"});
}

TEST(Header, WithOtherNamesAndNamespacesIsReportedAsItIs) {
  EXPECT_EQ(events_of("<stream xmlns='http://etherx.jabber.org/streams'>"),
            std::vector<std::string>{"header :stream ns=http://etherx.jabber.org/streams "
                                     "content=http://etherx.jabber.org/streams to= from= version= lang= id="});
  EXPECT_EQ(events_of("<a:flow xmlns:a='urn:a' a:to='no' to='yes'>"),
            std::vector<std::string>{"header a:flow ns=urn:a content= to=yes from= version= lang= id="});
}

TEST(Header, MayFollowWhiteSpaceButNotADeclarationBehindIt) {
  EXPECT_TRUE(events_of("\n \n" + std::string(header_text)).back().starts_with("header "));
  EXPECT_EQ(events_of("\n<?xml version='1.0'?>" + std::string(header_text)).back(), "fault not-well-formed");
}

TEST(End, IsReportedOnceAndNothingMayFollow) {
  EXPECT_EQ(events_of(std::string(header_text) + "</stream:stream> \n").back(), "end");
  const auto events = events_of(std::string(header_text) + "</stream:stream><presence/>");
  EXPECT_EQ(events[1], "end");
  EXPECT_EQ(events[2], "fault not-well-formed");
}

TEST(Restart, ConsumesExactlyUpToTheStanzaThatAsked) {
  const std::string behind = "<presence id='smuggled'/>\x16\x03\x01";
  const std::string stream = std::string(header_text) + " " + std::string(starttls);
  const std::string all = stream + behind;
  for (std::size_t cut = 0; cut < stream.size(); ++cut) {
    Recorder recorder;
    recorder.decide = [](Element) { return ParserAction::restart; };
    StreamParser parser(recorder, default_limits);
    ASSERT_EQ(parser.feed(std::string_view(all).substr(0, cut)), cut);
    const auto consumed = parser.feed(std::string_view(all).substr(cut));
    ASSERT_TRUE(consumed) << "cut at " << cut;
    EXPECT_EQ(cut + *consumed, stream.size()) << "cut at " << cut;
    ASSERT_EQ(recorder.events.size(), 2u);
    parser.restart(default_limits);
    EXPECT_FALSE(parser.header_seen());
    ASSERT_TRUE(parser.feed(header_text));
    EXPECT_TRUE(recorder.events.back().starts_with("header "));
  }
}

TEST(Restart, ConsumesExactlyAlsoByteByByteAndWithAnEndTag) {
  const std::string stream = std::string(header_text) + "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>=</auth >";
  Recorder recorder;
  recorder.decide = [](Element) { return ParserAction::restart; };
  StreamParser parser(recorder, default_limits);
  for (const char c : stream) ASSERT_EQ(parser.feed({&c, 1}), 1u);
  EXPECT_EQ(recorder.events.size(), 2u);
  parser.restart(default_limits);
  EXPECT_FALSE(parser.in_stanza());
}

TEST(Restart, BehindTheFirstOfManySlices) {
  const std::string stream = std::string(header_text) + "<a>" + std::string(40'000, 'x') + "</a>";
  Recorder recorder;
  recorder.decide = [](Element) { return ParserAction::restart; };
  StreamParser parser(recorder, default_limits);
  EXPECT_EQ(parser.feed(stream + std::string(50'000, 'y')), stream.size());
}

TEST(Restart, ForgetsNamespacesOfTheFormerHeader) {
  Recorder recorder;
  StreamParser parser(recorder, default_limits);
  ASSERT_TRUE(parser.feed("<stream:stream xmlns='jabber:client' xmlns:stream='s' xmlns:e='urn:e'><e:x/>"));
  parser.restart(default_limits);
  ASSERT_TRUE(parser.feed(header_text));
  EXPECT_FALSE(parser.feed("<e:x/>"));
}

TEST(Rest, GivesTheParserBackAndGoesOnWithTheHeadersNamespaces) {
  Recorder recorder;
  StreamParser parser(recorder, default_limits);
  ASSERT_TRUE(
      parser.feed("<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' "
                  "xmlns:e='urn:e&amp;&apos;&lt;' xml:lang='fr' to='a'>"));
  EXPECT_TRUE(parser.rest());
  const auto resting = parser.memory();
  EXPECT_LT(resting, 300u);
  ASSERT_TRUE(parser.feed("<message><e:x e:y='1'/><stream:z/></message>"));
  EXPECT_EQ(recorder.events.size(), 2u) << "the header is not reported twice";
  EXPECT_EQ(recorder.events.back(),
            "stanza {jabber:client}message(){urn:e&'<}x({urn:e&'<}y=1;)/{http://etherx.jabber.org/streams}z()//");
  EXPECT_EQ(recorder.raws.back(), "<message><e:x e:y='1'/><stream:z/></message>");
  EXPECT_TRUE(parser.rest());
  EXPECT_EQ(parser.memory(), resting);
  ASSERT_TRUE(parser.feed("</stream:stream>"));
  EXPECT_EQ(recorder.events.back(), "end");
}

TEST(Rest, IsRefusedWhileSomethingIsUnderWay) {
  Recorder recorder;
  StreamParser parser(recorder, default_limits);
  EXPECT_TRUE(parser.rest()) << "it owns nothing yet";
  ASSERT_TRUE(parser.feed("<stream:stream "));
  EXPECT_FALSE(parser.rest()) << "half a header";
  ASSERT_TRUE(parser.feed("xmlns='jabber:client' xmlns:stream='s'>"));
  EXPECT_TRUE(parser.rest());
  for (const auto* stanza :
       {"<", "<message", "<message>", "<message><body>x", "<message><body>x</body></message", "<![CDATA["}) {
    Recorder other;
    StreamParser busy(other, default_limits);
    ASSERT_TRUE(busy.feed(header_text));
    ASSERT_TRUE(busy.feed(stanza));
    EXPECT_TRUE(busy.in_stanza()) << stanza;
    EXPECT_FALSE(busy.rest()) << stanza;
  }
}

TEST(Rest, WhatStandsInACdataSectionBetweenStanzasIsNoStanza) {
  Recorder recorder;
  StreamParser parser(recorder, default_limits);
  ASSERT_TRUE(parser.feed(header_text));
  ASSERT_TRUE(parser.feed("<![CDATA["));
  EXPECT_FALSE(parser.rest());
  EXPECT_FALSE(parser.feed("<presence/>"));
  EXPECT_EQ(recorder.events.size(), 1u);
}

TEST(Rest, AKeepaliveNeedsNoParser) {
  Recorder recorder;
  StreamParser parser(recorder, default_limits);
  ASSERT_TRUE(parser.feed(header_text));
  ASSERT_TRUE(parser.rest());
  const auto resting = parser.memory();
  EXPECT_EQ(parser.feed(" \n\t\r"), 4u);
  EXPECT_EQ(parser.memory(), resting);
  EXPECT_EQ(parser.feed(" <presence/>"), 12u);
  EXPECT_EQ(recorder.events.back(), "stanza {jabber:client}presence()/");
  EXPECT_EQ(recorder.raws.back(), "<presence/>");
}

TEST(Rest, RawBytesAreRightAfterManyStanzasAndRests) {
  Recorder recorder;
  StreamParser parser(recorder, default_limits);
  ASSERT_TRUE(parser.feed(header_text));
  for (int i = 0; i < 500; ++i) {
    const auto stanza = "<message id='" + std::to_string(i) + "'><body>" +
                        std::string(static_cast<std::size_t>(i) % 97, 'x') + "</body></message>";
    ASSERT_TRUE(parser.feed(std::string(static_cast<std::size_t>(i) % 3, '\n') + stanza));
    ASSERT_EQ(recorder.raws.back(), stanza);
    ASSERT_EQ(recorder.documents.back()->root().first_element().raw(),
              stanza.substr(stanza.find("<body>"), stanza.size() - 10 - stanza.find("<body>")));
    EXPECT_TRUE(i % 7 != 0 || parser.rest());
  }
}

TEST(Rest, AStreamMayGoOnAtAnotherThread) {
  Recorder recorder;
  StreamParser parser(recorder, default_limits);
  ASSERT_TRUE(parser.feed(std::string(header_text) + "<message><bo"));
  std::thread([&] {
    ASSERT_TRUE(parser.feed("dy>x</body></message>"));
    EXPECT_TRUE(parser.rest());
  }).join();
  ASSERT_TRUE(parser.feed("<presence/>"));
  EXPECT_EQ(recorder.events.size(), 3u);
}

TEST(Pool, AParserThatEndedInAFaultServesTheNextStreamLikeNew) {
  for (int i = 0; i < 200; ++i) {
    Recorder recorder;
    StreamParser parser(recorder, default_limits);
    ASSERT_TRUE(parser.feed(header_text));
    ASSERT_TRUE(parser.feed("<message><body>half"));
    ASSERT_TRUE(i % 2 == 0 || !parser.feed("<![CDATA[x]]></wrong>"));
    Recorder second;
    StreamParser next(second, default_limits);
    ASSERT_TRUE(next.feed(std::string(header_text) + "<presence/>"));
    ASSERT_EQ(second.events.back(), "stanza {jabber:client}presence()/");
  }
}

TEST(Memory, OfALiveParserIsBoundedByTheStanzaAtHand) {
  std::thread([] {  // a thread of its own: its pool holds no larger parser
    Recorder recorder;
    StreamParser parser(recorder, default_limits);
    ASSERT_TRUE(parser.feed(header_text));
    const auto message = "<message><body>" + std::string(900, 'x') + "</body></message>";
    for (int i = 0; i < 2000; ++i) ASSERT_TRUE(parser.feed(message));
    EXPECT_LT(parser.used(), 8'000u);
  })
      .join();
}

}  // namespace
}  // namespace valise::xml
