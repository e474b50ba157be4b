#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "stanza_scanner.hpp"

namespace valise::bench {
namespace {

const std::string stream =
    "<?xml version='1.0'?><stream:stream id='1' to='a>b'>"
    "<stream:features><mechanisms xmlns='m'><mechanism>PLAIN</mechanism></mechanisms></stream:features>\n"
    "<message id=\"1\" to='x'><body>a / b</body><e a='/>'/></message><presence/></stream:stream>";

std::vector<std::string> elements(const std::string& text, std::size_t first_part) {
  StanzaScanner scanner;
  std::vector<std::string> found;
  std::string buffer;
  for (const auto& part : {text.substr(0, first_part), text.substr(first_part)}) {
    buffer += part;
    std::size_t position = 0;
    std::string_view piece;
    Piece kind;
    while ((kind = scanner.next(buffer, position, piece)) == Piece::element || kind == Piece::header) {
      if (kind == Piece::element) found.emplace_back(piece);
    }
    if (kind == Piece::end) found.emplace_back("end");
    if (kind == Piece::broken) found.emplace_back("broken");
    buffer.erase(0, position);
  }
  return found;
}

TEST(StanzaScanner, FindsTheSameElementsWhereverTheStreamIsCut) {
  const auto whole = elements(stream, stream.size());
  ASSERT_EQ(whole.size(), 5U);  // the end is reported once for either part
  EXPECT_EQ(whole[1], "<message id=\"1\" to='x'><body>a / b</body><e a='/>'/></message>");
  EXPECT_EQ(whole[2], "<presence/>");
  for (std::size_t cut = 0; cut < stream.size() - 16; ++cut) {
    auto parts = elements(stream, cut);
    EXPECT_EQ(parts, (std::vector(whole.begin(), whole.begin() + 4))) << "cut at " << cut;
  }
}

TEST(StanzaScanner, CallsCommentsAndTextBetweenStanzasBroken) {
  EXPECT_EQ(elements("<s><a><!-- --></a>", 3), std::vector<std::string>{"broken"});
  EXPECT_EQ(elements("<s>text<a/>", 3), std::vector<std::string>{"broken"});
}

TEST(Attribute, ReadsTheFirstTagOnly) {
  constexpr std::string_view element = "<iq type='get'  id=\"x>y\" a = 'b'><query id='inner' to='z'/></iq>";
  EXPECT_EQ(element_name(element), "iq");
  EXPECT_EQ(attribute(element, "type"), "get");
  EXPECT_EQ(attribute(element, "id"), "x>y");
  EXPECT_EQ(attribute(element, "a"), "b");
  EXPECT_EQ(attribute(element, "to"), "");
  EXPECT_EQ(attribute("<iq id", "id"), "");
}

}  // namespace
}  // namespace valise::bench
