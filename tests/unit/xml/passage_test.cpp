// Bytes that go through unchanged mean the same to a second, different reader as the tree that we saw and judged: no
// stanza is smuggled between two parsers.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "plain_expat.hpp"
#include "recorder.hpp"
#include "xml/writer.hpp"

namespace valise::xml {
namespace {

std::vector<std::string> recorded_stanzas() {
  std::vector<std::string> out;
  for (const auto& entry : std::filesystem::directory_iterator(VALISE_SOURCE_DIR "/tests/corpus/stanzas")) {
    if (entry.path().extension() != ".xml") continue;
    std::ifstream in(entry.path());
    std::string line;
    std::string stanza;
    while (std::getline(in, line)) {
      if (line.starts_with("<sent ") || line.starts_with("</sent>")) continue;
      stanza += line;
      if (parse_element(stanza)) {
        out.push_back(std::exchange(stanza, {}));
      } else {
        stanza += "\n";
      }
    }
    EXPECT_EQ(stanza, "") << entry.path();
  }
  return out;
}

const std::vector<std::string>& tricky() {
  static const std::vector<std::string> all{
      "<message/>",
      "<message></message>",
      "<message to='a'>text</message>",
      "<message>&lt;body&gt;&amp;amp;&#13;&#10;&#x9;</message>",
      "<message a='&#13;&#10;&#x9; \t &quot;&apos;&lt;&gt;'/>",
      "<message><body>a</body>b<body>c</body></message>",
      "<message><body xmlns=''>no namespace</body></message>",
      "<message><a xmlns='urn:a'><b><c xmlns='urn:c'><b xmlns='urn:a'/></c></b></a></message>",
      "<message><p:a xmlns:p='urn:p' p:q='1' q='2'><p:b/><b/></p:a></message>",
      "<message xmlns:p='urn:p' p:lang='x' xml:lang='fr' xml:space='preserve'><p:x/></message>",
      "<message><stream:error><text/></stream:error></message>",
      "<message><x y='1'><![CDATA[<body>&amp;</body>]]]]><![CDATA[>]]></x></message>",
      "<message xmlns:c='urn:c'><c:body>x</c:body><body><c:x/></body></message>",
      "<message><a xmlns:p='urn:p'><a xmlns:p='urn:q'><p:b/></a><p:b/></a></message>",
      "<message><a xmlns:a0='urn:x' a0:b='1' xmlns:a1='urn:y' a1:b='2'/></message>",
      "<message><\xc3\xa9l\xc3\xa9ment/>\xf0\x9f\x94\x92</message>",
      "<message>\r\n\r</message>",
  };
  return all;
}

// The tree of `stanza` as this parser saw it, each child as it is sent on, each read again by plain expat.
void expect_same_meaning(const std::string& stanza) {
  Recorder recorder;
  StreamParser parser(recorder, default_limits);
  ASSERT_TRUE(parser.feed(std::string(header_text) + stanza)) << stanza;
  ASSERT_EQ(recorder.documents.size(), 1u) << stanza;
  const auto root = recorder.documents[0]->root();
  const auto expected = dump(root);
  const std::string open = "<s xmlns='jabber:client'>";
  const std::string wrapped = "{jabber:client}s()" + expected + "/";

  std::string written = open;
  append_tree(written, root, "jabber:client");
  EXPECT_EQ(plain::tree(written + "</s>"), wrapped) << written;

  std::string passed = open;
  append_element(passed, root, "jabber:client");
  EXPECT_EQ(plain::tree(passed + "</s>"), wrapped) << passed;

  // Below a parent in another namespace, as in a carbon's <forwarded/>.
  std::string forwarded = "<f xmlns='urn:xmpp:forward:0'>";
  append_element(forwarded, root, "urn:xmpp:forward:0");
  EXPECT_EQ(plain::tree(forwarded + "</f>"), "{urn:xmpp:forward:0}f()" + expected + "/") << forwarded;

  // Child by child, as a rebuilt stanza has them; plain expat joins texts, and so does the dump of the whole.
  std::string children = "<message xmlns='jabber:client'>";
  for (const auto child : root.children()) append_element(children, child, "jabber:client");
  std::string inner = "{jabber:client}message()";
  for (const auto child : root.children()) dump(inner, child);
  EXPECT_EQ(plain::tree(children + "</message>"), inner + "/") << children;

  // Raw bytes of an element are its bytes, from '<' to '>'.
  if (recorder.documents[0]->raw_is_portable()) {
    for (const auto child : root.children()) {
      if (child.is_text()) continue;
      EXPECT_EQ(child.raw().front(), '<');
      EXPECT_EQ(child.raw().back(), '>');
      EXPECT_NE(stanza.find(child.raw()), std::string::npos);
    }
  }
  // Written once, a tree is portable and stays what it is.
  std::string once;
  append_tree(once, root, "jabber:client");
  const auto again = parse_element(once);
  ASSERT_TRUE(again) << once;
  EXPECT_EQ(dump(again->root()), expected);
  std::string twice;
  append_tree(twice, again->root(), "jabber:client");
  EXPECT_EQ(twice, once);
}

TEST(Passage, TrickyStanzasKeepTheirMeaning) {
  for (const auto& stanza : tricky()) expect_same_meaning(stanza);
}

TEST(Passage, RecordedStanzasKeepTheirMeaning) {
  const auto stanzas = recorded_stanzas();
  ASSERT_GT(stanzas.size(), 800u);
  for (const auto& stanza : stanzas) expect_same_meaning(stanza);
}

TEST(Passage, RecordedStanzasAreMostlyPortable) {
  std::size_t portable = 0;
  const auto stanzas = recorded_stanzas();
  for (const auto& stanza : stanzas) portable += parse_element(stanza)->raw_is_portable() ? 1 : 0;
  EXPECT_GT(portable * 100, stanzas.size() * 95);
}

TEST(ParseElement, TakesExactlyOneElement) {
  EXPECT_EQ(dump(parse_element("<a b='1'>t</a>", "urn:d")->root()), "{urn:d}a({}b=1;)[t]/");
  EXPECT_EQ(dump(parse_element("<a/>", "urn:'&<")->root()), "{urn:'&<}a()/");
  EXPECT_TRUE(parse_element(" <a/>\n"));
  for (const auto* text : {"", " ", "a", "<a", "<a>", "<a></b>", "<a/><b/>", "<a/>x", "x<a/>", "</s>", "<a/></s>",
                           "</s><s>", "<a/></s><s xmlns=''>", "<!--x--><a/>", "<a>&b;</a>", "<p:a/>"}) {
    EXPECT_FALSE(parse_element(text)) << text;
  }
}

TEST(ParseElement, TakesLargeElements) {
  const std::string large = "<a b='" + std::string(300'000, 'x') + "'>" + std::string(3'000'000, 'y') + "</a>";
  const auto document = parse_element(large);
  ASSERT_TRUE(document);
  EXPECT_EQ(document->raw(), large);
}

}  // namespace
}  // namespace valise::xml
