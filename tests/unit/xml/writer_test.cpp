#include "xml/writer.hpp"

#include <gtest/gtest.h>

#include <stdexcept>

#include "plain_expat.hpp"

namespace valise::xml {
namespace {

TEST(Writer, WritesNestedElements) {
  std::string out;
  Writer(out)
      .open("iq")
      .attribute("type", "result")
      .attribute_if("id", "")
      .open("q", "urn:q")
      .text("a<b")
      .close()
      .element("e")
      .element("f", "urn:f", "x&y")
      .close();
  EXPECT_EQ(out, "<iq type='result'><q xmlns='urn:q'>a&lt;b</q><e/><f xmlns='urn:f'>x&amp;y</f></iq>");
}

TEST(Writer, ClosesAllAndRefusesToCloseWhatIsNotOpen) {
  std::string out;
  Writer writer(out);
  writer.open("a").open("b").raw("<c/>").raw("").text("");
  writer.close_all();
  EXPECT_EQ(out, "<a><b><c/></b></a>");
  EXPECT_THROW(writer.close(), std::logic_error);
}

TEST(Writer, HasABoundedDepth) {
  std::string out;
  Writer writer(out);
  EXPECT_THROW(for (int i = 0; i < 20; ++i) writer.open("a"), std::logic_error);
}

TEST(Escaping, EveryByteComesBackFromASecondReader) {
  for (int c = 1; c < 256; ++c) {
    std::string text = "a";
    if (c < 0x80) {
      text += static_cast<char>(c);
    } else {
      text += static_cast<char>(0xc0 | c >> 6);
      text += static_cast<char>(0x80 | (c & 0x3f));
    }
    text += "b";
    const bool character = c >= 0x20 || c == '\n' || c == '\t' || c == '\r';
    const std::string expected = character ? text
                                           : "a\xef\xbf\xbd"
                                             "b";
    std::string out = "<e a='";
    append_escaped_attribute(out, text);
    out += "' b=\"" + escaped(text) + "\">";
    append_escaped_text(out, text);
    out += "</e>";
    EXPECT_EQ(plain::tree(out), "{}e({}a=" + expected + ";{}b=" + expected + ";)[" + expected + "]/") << c;
  }
}

TEST(Escaping, ANulIsReplaced) {
  std::string out;
  append_escaped_text(out, std::string_view("a\0b", 3));
  EXPECT_EQ(out,
            "a\xef\xbf\xbd"
            "b");
}

}  // namespace
}  // namespace valise::xml
