// Work is linear in bytes however they are cut (docs/security.md §2: "quadratic tokens", CVE-2023-52425). expat looks
// at an unfinished token anew with each XML_Parse, so what it looks at is counted, in bytes: this program's own
// XML_Parse stands before the library's.
#include <dlfcn.h>
#include <expat.h>
#include <gtest/gtest.h>

#include "recorder.hpp"

namespace {
std::size_t parse_calls = 0;
std::size_t bytes_seen = 0;  // new bytes, and the unfinished token again
std::size_t unfinished = 0;
}  // namespace

extern "C" XML_Status XML_Parse(XML_Parser parser, const char* bytes, int length, int is_final) {
  using Function = XML_Status (*)(XML_Parser, const char*, int, int);
  static const auto real = reinterpret_cast<Function>(dlsym(RTLD_NEXT, "XML_Parse"));
  ++parse_calls;
  bytes_seen += unfinished + static_cast<std::size_t>(length);
  unfinished += static_cast<std::size_t>(length);
  return real(parser, bytes, length, is_final);
}

namespace valise::xml {
namespace {

struct Cost {
  std::size_t calls = 0;
  std::size_t bytes = 0;
};

// Of a token that begins with `open` and holds `size` bytes of `filling`, in pieces of `piece` bytes.
Cost cost_of(std::string_view open, std::string_view filling, std::size_t size, std::size_t piece) {
  StreamLimits limits;
  limits.token = 4'000'000;
  limits.stanza = 4'000'000;
  Recorder recorder;
  StreamParser parser(recorder, limits);
  EXPECT_TRUE(parser.feed(header_text));
  EXPECT_TRUE(parser.feed("<message>"));
  parse_calls = bytes_seen = unfinished = 0;
  std::string all(open);
  while (all.size() < size) all += filling;
  for (std::size_t at = 0; at < all.size(); at += piece)
    EXPECT_TRUE(parser.feed(std::string_view(all).substr(at, piece)));
  return {parse_calls, bytes_seen};
}

constexpr std::size_t mib = 1'048'576;

TEST(Cost, AMebibyteOfAttributeInTenBytePiecesIsLookedAtAFewTimes) {
  const auto cost = cost_of("<a b='", "x", mib, 10);
  EXPECT_LT(cost.calls, 20u);
  EXPECT_LT(cost.bytes, 4 * mib);
}

TEST(Cost, AlsoIfTheAttributeIsFullOfGreaterThanSigns) {
  const auto cost = cost_of("<a b='", ">", mib, 10);
  EXPECT_LT(cost.calls, 20u);
  EXPECT_LT(cost.bytes, 4 * mib);
  const auto other = cost_of("<a b=\"", "'>'", mib, 7);
  EXPECT_LT(other.calls, 20u);
  EXPECT_LT(other.bytes, 4 * mib);
}

TEST(Cost, ATagOfManyAttributesLikewise) {
  const auto cost = cost_of("<a", " b='>'", mib / 4, 3);
  EXPECT_LT(cost.bytes, mib);
}

TEST(Cost, ShortPiecesOfATagAreGathered) {
  const auto cost = cost_of("<a b='", "x", 400, 1);
  EXPECT_EQ(cost.calls, 0u);
}

TEST(Cost, DoublingDelaysNothing) {
  Recorder recorder;
  StreamParser parser(recorder, default_limits);
  ASSERT_TRUE(parser.feed(header_text));
  const std::string stanza = "<message><a b='" + std::string(20'000, '>') + "'/></message>";
  for (std::size_t at = 0; at < stanza.size(); at += 10)
    ASSERT_TRUE(parser.feed(std::string_view(stanza).substr(at, 10)));
  EXPECT_EQ(recorder.events.size(), 2u);
}

}  // namespace
}  // namespace valise::xml
