// RFC 6120 §11: restricted XML, encodings, well-formedness, namespaces.
#include <gtest/gtest.h>

#include "recorder.hpp"

namespace valise::xml {
namespace {

TEST(RestrictedXml, IsRefusedWhereverItStands) {
  const std::string header(header_text);
  for (const auto& stream : std::vector<std::string>{
           std::string("<!-- c -->") + header,
           header + "<!-- c -->",
           header + "<message><!-- c --></message>",
           header + "<message><body>a<!---->b</body></message>",
           std::string("<?pi?>") + header,
           header + "<?pi x?>",
           header + "<message><?xml-stylesheet href='x'?></message>",
           "<!DOCTYPE stream:stream>" + header,
           "<!DOCTYPE stream:stream SYSTEM 'http://a.example/x.dtd'>" + header,
           "<!DOCTYPE stream:stream [<!ENTITY a 'aaaaaaaaaa'><!ENTITY b '&a;&a;&a;&a;'>]>" + header,
           header + "<message>&lol;</message>",
           header + "<message a='&lol;'/>",
       }) {
    EXPECT_EQ(events_of(stream).back(), "fault restricted-xml") << stream;
  }
}

TEST(RestrictedXml, ALongCommentIsRefusedBeforeItsEnd) {
  Recorder recorder;
  StreamParser parser(recorder, default_limits);
  ASSERT_TRUE(parser.feed(header_text));
  ASSERT_TRUE(parser.feed("<!-- "));
  std::size_t sent = 0;
  std::expected<std::size_t, StreamFault> fed = 0;
  for (; fed && sent < 5000; sent += 3) fed = parser.feed("a> ");
  ASSERT_FALSE(fed);
  EXPECT_EQ(fed.error().condition, "restricted-xml");
  EXPECT_LT(sent, 1000u);
}

TEST(Entities, TheFivePredefinedAndCharacterReferencesAreText) {
  EXPECT_EQ(
      last_event_of("<message a='&amp;&lt;&gt;&apos;&quot;&#65;'>&amp;&lt;&gt;&apos;&quot;&#x42;&#8364;</message>"),
      "stanza {jabber:client}message({}a=&<>'\"A;)[&<>'\"B\xe2\x82\xac]/");
}

TEST(Entities, ReferencesToWhatIsNoCharacterAreRefused) {
  for (const auto* reference :
       {"&#0;", "&#1;", "&#x1f;", "&#xFFFE;", "&#xD800;", "&#x110000;", "&#99999999999;", "&#;"}) {
    EXPECT_EQ(last_event_of("<message>" + std::string(reference) + "</message>"), "fault not-well-formed") << reference;
  }
}

TEST(Encodings, OnlyUtf8IsSpoken) {
  const std::string header(header_text);
  for (const auto* declaration : {"<?xml version='1.0' encoding='UTF-8'?>", "<?xml version='1.0' encoding=\"utf-8\"?>",
                                  "<?xml version='1.0'?>", "<?xml version='1.0' standalone='yes'?>"}) {
    EXPECT_TRUE(events_of(declaration + header).back().starts_with("header ")) << declaration;
  }
  for (const auto* declaration :
       {"<?xml version='1.0' encoding='ISO-8859-1'?>", "<?xml version='1.0' encoding='US-ASCII'?>",
        "<?xml version='1.0' encoding='UTF-7'?>", "<?xml version='1.0' encoding='UTF-16'?>",
        "<?xml version='1.0' encoding='klingon'?>"}) {
    EXPECT_EQ(events_of(declaration + header), std::vector<std::string>{"fault unsupported-encoding"}) << declaration;
  }
  EXPECT_EQ(events_of("\xfe\xff"), std::vector<std::string>{"fault unsupported-encoding"});
  EXPECT_EQ(events_of("\xff\xfe"), std::vector<std::string>{"fault unsupported-encoding"});
  EXPECT_EQ(events_of(std::string_view("\0<\0s", 4)), std::vector<std::string>{"fault unsupported-encoding"});
}

TEST(Encodings, AByteOrderMarkIsACharacter) {  // RFC 6120 §11.6
  const std::string mark = "\xef\xbb\xbf";
  const std::vector<std::string> refused{"fault not-well-formed"};
  EXPECT_EQ(events_of(mark + std::string(header_text)), refused) << "no character stands before the root";
  EXPECT_EQ(events_of(mark + "<?xml version='1.0'?>" + std::string(header_text)), refused);
  EXPECT_EQ(last_event_of("<message>" + mark + "a" + mark + "</message>"),
            "stanza {jabber:client}message()[" + mark + "a" + mark + "]/");
  EXPECT_EQ(last_event_of(mark + "<message/>"), "fault invalid-xml");
}

TEST(Encodings, BadUtf8IsRefused) {
  for (const auto* bytes : {"\x80", "\xc0\xaf", "\xc3(", "\xe2\x82(", "\xed\xa0\x80", "\xf4\x90\x80\x80",
                            "\xf8\x88\x80\x80\x80", "\xef\xbf\xbe", "\xff", "\x01", "\x0b"}) {
    EXPECT_EQ(last_event_of("<message><body>" + std::string(bytes) + "</body></message>"), "fault not-well-formed");
    EXPECT_EQ(last_event_of("<message a='" + std::string(bytes) + "'/>"), "fault not-well-formed");
    EXPECT_EQ(last_event_of("<m" + std::string(bytes) + "/>"), "fault not-well-formed");
  }
  EXPECT_EQ(last_event_of(std::string_view("<message>\0</message>", 20)), "fault not-well-formed");
}

TEST(WellFormedness, IsDemanded) {
  for (const auto* stanza : {"<message></presence>",
                             "<message a='1' a='2'/>",
                             "<message a=1/>",
                             "<message a/>",
                             "<>",
                             "<message><body></message>",
                             "</message>",
                             "<message a='<'/>",
                             "<1/>",
                             "<message>]]></message>",
                             "<message & />",
                             "<a:message/>",
                             "<message b:a=''/>",
                             "<message xmlns:p=''/>",
                             "<message xmlns:xml='urn:x'/>",
                             "<message xmlns:xmlns='urn:x'/>",
                             "<message xmlns='http://www.w3.org/XML/1998/namespace'/>",
                             "<message xmlns:p='http://www.w3.org/2000/xmlns/'/>",
                             "<message xmlns:p='u' xmlns:q='u' p:a='' q:a=''/>",
                             "<a:b:c xmlns:a='u'/>"}) {
    EXPECT_EQ(last_event_of(stanza), "fault not-well-formed") << stanza;
  }
}

TEST(Namespaces, AnElementOfTheXmlPrefixCouldNotBeWrittenAgain) {
  EXPECT_EQ(last_event_of("<message><xml:body/></message>"), "fault bad-namespace-prefix");
  EXPECT_EQ(last_event_of("<xml:message/>"), "fault bad-namespace-prefix");
}

TEST(Text, BelongsToTheElementInWhichItStands) {
  EXPECT_EQ(last_event_of("<message><body>in</body>out<x/>after</message>"),
            "stanza {jabber:client}message(){jabber:client}body()[in]/[out]{jabber:client}x()/[after]/");
  EXPECT_EQ(last_event_of("<message><a><b>deep</b></a>out</message>"),
            "stanza {jabber:client}message(){jabber:client}a(){jabber:client}b()[deep]//[out]/");
  EXPECT_EQ(last_event_of("<message>a<b/>c</message>"), "stanza {jabber:client}message()[a]{jabber:client}b()/[c]/");
}

TEST(Text, IsOneRunAcrossReferencesLinesAndCdata) {
  EXPECT_EQ(last_event_of("<message>a&amp;b\nc<![CDATA[<d>]]>e<![CDATA[]]>f&#33;</message>"),
            "stanza {jabber:client}message()[a&b\nc<d>ef!]/");
}

TEST(Text, BetweenStanzasIsAFault) {
  for (const auto* text : {"x", "&#32;x", "<presence/>x", "\xc2\xa0", "<![CDATA[x]]>", "&amp;"}) {
    EXPECT_EQ(last_event_of(std::string(text) + "<presence/>"), "fault invalid-xml") << text;
  }
}

TEST(Text, SpacesBetweenStanzasAreKeepalives) {
  EXPECT_EQ(events_of(std::string(header_text) + " \n<presence/>\t\r\n <presence/>  ").size(), 3u);
}

TEST(Prefixes, AreResolvedAndForgotten) {
  EXPECT_EQ(last_event_of("<message xmlns:c='urn:c'><e:x xmlns:e='urn:e' e:a='1' a='2'/></message>"),
            "stanza {jabber:client}message(){urn:e}x({urn:e}a=1;{}a=2;)//");
  EXPECT_EQ(last_event_of("<stream:features xml:lang='fr'/>"),
            "stanza {http://etherx.jabber.org/streams}features({}xml:lang=fr;)/");
}

TEST(Prefixes, TheContentNamespaceHasNone) {  // RFC 6120 §4.8.5
  for (const auto* stanza :
       {"<c:message xmlns:c='jabber:client'/>", "<message xmlns:c='jabber:client'><c:body/></message>",
        "<message><x xmlns='urn:x' xmlns:c='jabber:client'><c:message/></x></message>",
        "<c:message xmlns='urn:x' xmlns:c='jabber:client'/>"}) {
    EXPECT_EQ(last_event_of(stanza), "fault bad-namespace-prefix") << stanza;
  }
  EXPECT_EQ(last_event_of("<message xmlns:c='jabber:client' xmlns='jabber:client'><body/></message>"),
            "stanza {jabber:client}message(){jabber:client}body()//");
}

TEST(Prefixes, CdataAndForeignAttributesMakeTheBytesUnportableForThatStanzaOnly) {
  Recorder recorder;
  StreamParser parser(recorder, default_limits);
  ASSERT_TRUE(parser.feed(std::string(header_text) + "<message><p:x xmlns:p='u'/></message><message/>"
                                                     "<message><![CDATA[x]]></message><message/>"
                                                     "<message xmlns:p='u' p:a=''/><message/>"
                                                     "<message><stream:x/></message> <![CDATA[ ]]> <message/>"
                                                     "<message xml:lang='fr'/>"));
  const std::vector<bool> expected{false, true, false, true, false, true, false, true, true};
  std::vector<bool> portable;
  for (const auto& document : recorder.documents) portable.push_back(document->raw_is_portable());
  EXPECT_EQ(portable, expected);
}

TEST(Faults, RepeatWhenMoreBytesCome) {
  Recorder recorder;
  StreamParser parser(recorder, default_limits);
  ASSERT_FALSE(parser.feed(std::string(header_text) + "<message></x>"));
  EXPECT_FALSE(parser.feed("<presence/>"));
  EXPECT_EQ(recorder.events.size(), 1u);
}

}  // namespace
}  // namespace valise::xml
