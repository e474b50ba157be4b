// The pieces in which bytes come change nothing: docs/security.md §2 (one strict parser), expat's deferral and our
// coalescing included.
#include <gtest/gtest.h>

#include <random>

#include "recorder.hpp"

namespace valise::xml {
namespace {

const std::vector<std::string>& streams() {
  static const std::vector<std::string> all = [] {
    const std::string header(header_text);
    std::vector<std::string> made;
    made.push_back(
        "<?xml version='1.0' encoding='utf-8'?>\n" + header +
        " \r\n\t<message to='b@a.example/r\xc3\xa9' id=\"1\" type='chat'><body>h\xc3\xa9llo &amp; &lt;&#x20AC;&gt; "
        "]]&gt;</body><x xmlns='jabber:x:data' type='form'><y xmlns=''/></x></message>\n"
        "<presence/><iq type='get' id='q'><query xmlns='jabber:iq:roster'/></iq></stream:stream>");
    made.push_back(header +
                   "<message><body>a<![CDATA[ <b> ]] & ' \" > ]]>c</body><t>\xf0\x9f\x94\x92\r\n\r</t>tail</message>"
                   "<message xml:lang='fr'><p:a xmlns:p='urn:p' p:b='1' c='>\"' d=\"'>>\"><p:e/></p:a></message>");
    // Errors: the same fault, whatever came before it.
    made.push_back(header + "<message/><message><body>x</message>>");
    made.push_back(header + "<presence/><!-- no --><presence/>");
    made.push_back(header + "<presence/><message><?php echo 1 ?></message>");
    made.push_back(header + "<message><body>&secret;</body></message>");
    made.push_back("<?xml version='1.0'?><!DOCTYPE s [<!ENTITY a 'b'>]>" + header);
    made.push_back(header + "<presence/> text <presence/>");
    made.push_back(header + "<presence></presence></stream:stream><again>");
    made.push_back(header + "<message><body>\xc3(</body></message>>");
    return made;
  }();
  return all;
}

// `ascii` in UTF-16, as a whole stream that expat would take.
std::string wide(std::string_view ascii, bool big_endian, std::string_view mark) {
  std::string out(mark);
  for (const char c : ascii) {
    const char pair[] = {big_endian ? '\0' : c, big_endian ? c : '\0'};
    out.append(pair, 2);
  }
  return out;
}

TEST(Splits, AtEveryByteIntoTwoPieces) {
  for (const auto& stream : streams()) {
    const auto whole = events_of(stream);
    ASSERT_FALSE(whole.empty());
    for (std::size_t cut = 1; cut < stream.size(); ++cut) {
      bool first = true;
      const auto parts = events_of(stream, default_limits, [&](std::size_t left) {
        const auto size = first ? cut : left;
        first = false;
        return size;
      });
      ASSERT_EQ(parts, whole) << "cut at " << cut << " of " << stream;
    }
  }
}

TEST(Splits, EveryByteAlone) {
  for (const auto& stream : streams()) {
    EXPECT_EQ(events_of(stream, default_limits, [](std::size_t) { return std::size_t{1}; }), events_of(stream))
        << stream;
  }
}

TEST(Splits, EveryByteAloneWithTheParserGivenBackWheneverItCanBe) {
  for (const auto& stream : streams()) {
    EXPECT_EQ(events_of(
                  stream, default_limits, [](std::size_t) { return std::size_t{1}; }, true),
              events_of(stream))
        << stream;
  }
}

TEST(Splits, InRandomPieces) {
  std::mt19937 random(20'261'124);
  for (const auto& stream : streams()) {
    const auto whole = events_of(stream);
    for (int round = 0; round < 200; ++round) {
      const auto most = 1 + random() % 40;
      EXPECT_EQ(events_of(
                    stream, default_limits,
                    [&](std::size_t left) { return std::min<std::size_t>(left, 1 + random() % most); }, round % 2 == 0),
                whole)
          << stream;
    }
  }
}

TEST(Splits, UnderEveryLimitAtItsEdgeTheSameEvents) {
  const std::string stream = std::string(header_text) +
                             "<message to='b' id='9'><a x='1' y='2'><b><c/></b></a><body>0123456789</body></message>"
                             "<presence id='p'/>";
  const auto size = stream.find("<presence") - header_text.size();
  std::mt19937 random(1);
  for (std::uint32_t limit = 20; limit < size + 4; ++limit) {
    StreamLimits limits;
    limits.stanza = limit;
    limits.attributes = limit % 3 + 1;
    limits.children = limit % 7 + 2;
    const auto whole = events_of(stream, limits);
    EXPECT_EQ(events_of(stream, limits, [](std::size_t) { return std::size_t{1}; }), whole) << "limit " << limit;
    for (int round = 0; round < 20; ++round) {
      const auto parts =
          events_of(stream, limits, [&](std::size_t left) { return std::min<std::size_t>(left, 1 + random() % 30); });
      EXPECT_EQ(parts, whole) << "limit " << limit;
    }
  }
}

TEST(Splits, UnsupportedEncodingIsSeenInAnyPieces) {
  const std::vector<std::string> expected{"fault unsupported-encoding"};
  for (const auto* start :
       {"", " ", "\n\t", "<?xml version='1.0' encoding='UTF-8'?>", "<?xml version='1.0' encoding='UTF-16'?>"}) {
    const auto ascii = start + std::string(header_text) + "<message/>";
    for (const auto& stream : {wide(ascii, false, ""), wide(ascii, true, ""), wide(ascii, false, "\xff\xfe"),
                               wide(ascii, true, "\xfe\xff")}) {
      EXPECT_EQ(events_of(stream), expected);
      EXPECT_EQ(events_of(stream, default_limits, [](std::size_t) { return std::size_t{1}; }), expected);
      bool first = true;
      const auto cut = [&](std::size_t left) { return std::exchange(first, false) ? 1 : left; };
      EXPECT_EQ(events_of(stream, default_limits, cut), expected);
    }
  }
}

TEST(Splits, AStanzaIsReportedWithItsLastByteAndNotLater) {
  const std::string stanza = "<message><body>hello</body></message>";
  for (std::size_t cut = 1; cut < stanza.size(); ++cut) {
    Recorder recorder;
    StreamParser parser(recorder, default_limits);
    ASSERT_TRUE(parser.feed(header_text));
    ASSERT_TRUE(parser.feed(std::string_view(stanza).substr(0, cut)));
    ASSERT_EQ(recorder.events.size(), 1u);
    EXPECT_TRUE(parser.in_stanza());
    ASSERT_TRUE(parser.feed(std::string_view(stanza).substr(cut)));
    ASSERT_EQ(recorder.events.size(), 2u) << "cut at " << cut;
    EXPECT_FALSE(parser.in_stanza());
    EXPECT_EQ(recorder.raws[0], stanza);
  }
}

TEST(Splits, AGreaterThanSignInAValueOrInCdataDelaysNothing) {
  const std::vector<std::string> stanzas{"<message><a b='>>' c=\">'>\"/></message>",
                                         "<message><![CDATA[<a b='>]]></message>",
                                         "<message><![CDATA[']]><a b='\"'/>\"</message>"};
  for (const auto& stanza : stanzas) {
    for (std::size_t cut = 1; cut < stanza.size(); ++cut) {
      Recorder recorder;
      StreamParser parser(recorder, default_limits);
      ASSERT_TRUE(parser.feed(header_text));
      ASSERT_TRUE(parser.feed(std::string_view(stanza).substr(0, cut)));
      ASSERT_TRUE(parser.feed(std::string_view(stanza).substr(cut)));
      ASSERT_EQ(recorder.events.size(), 2u) << stanza << " cut at " << cut;
    }
    Recorder recorder;
    StreamParser parser(recorder, default_limits);
    for (const char c : std::string(header_text) + stanza) ASSERT_TRUE(parser.feed({&c, 1}));
    EXPECT_EQ(recorder.events.size(), 2u) << stanza;
  }
}

}  // namespace
}  // namespace valise::xml
