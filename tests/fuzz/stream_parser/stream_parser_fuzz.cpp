// A client's stream, hostile from its first byte (RFC 6120 §4, §11). What must hold:
//  - the pieces in which the bytes come change nothing: same headers, stanzas and bytes, same end;
//  - no stanza is beyond a limit, its bytes are those of the input, and what is held stays in proportion to the limits;
//  - where all is well-formed, plain expat read the same stanzas.
// Input: 'limits' 'largest piece' 'seed' 'switches', then the stream. A stanza named <auth/> or <proceed/> begins it
// anew.
#include <algorithm>
#include <array>
#include <random>

#include "fuzz/check.hpp"
#include "plain_expat.hpp"
#include "recorder.hpp"

namespace {

using namespace valise::xml;
using fuzz::check;

constexpr std::array<StreamLimits, 4> all_limits{{
    {},
    {.stanza = 10'000, .token = 10'000},
    {.stanza = 400, .token = 200, .depth = 6, .attributes = 5, .children = 30, .namespaces = 4},
    {.stanza = 60, .token = 100, .depth = 3, .attributes = 2, .children = 8, .namespaces = 2},
}};
constexpr std::size_t engine_keeps = 131'072;  // buffers that a pooled engine may have kept from another stream
constexpr std::size_t per_byte = 64;           // "<a/>" is four bytes and a node of a vector that doubles
constexpr std::size_t slice = 16'384;          // fed to expat before limits are looked at

// Ends every stream with a fault, from inside whatever token is open, so that nothing is held back.
constexpr std::string_view last_word = "\xff>'>\">";

std::uint32_t depth_of(Element element) {
  std::uint32_t deepest = 0;
  for (const auto child : element.children()) {
    if (!child.is_text()) deepest = std::max(deepest, depth_of(child));
  }
  return deepest + 1;
}

void check_limits(const Document& document, const StreamLimits& limits, std::string_view stream) {
  const auto raw = document.raw();
  check(raw.size() <= limits.stanza, "a stanza is beyond its limit");
  check(raw.starts_with('<') && raw.ends_with('>') && stream.find(raw) != std::string_view::npos, "a stanza's bytes");
  check(document.memory() <= 4096 + per_byte * raw.size() + limits.stanza, "a stanza's memory");
  const auto count = document.node(0).end;
  check(count <= limits.children, "a stanza has too many nodes");
  check(depth_of(document.root()) <= limits.depth, "a stanza is too deep");
  for (std::uint32_t i = 0; i < count; ++i) {
    const Element node(&document, i);
    if (node.is_text()) continue;
    check(node.attribute_count() <= limits.attributes, "an element has too many attributes");
    if (i == 0 || !document.raw_is_portable()) continue;
    check(node.raw().starts_with('<') && node.raw().ends_with('>'), "an element's bytes");
  }
}

struct Outcome {
  std::vector<std::string> events;  // the fault's condition is the last
  std::vector<std::string> raws;
};

// `next`: bytes left → size of the next piece, at least 1.
template <class Next>
Outcome read(std::string_view stream, const StreamLimits& limits, Next&& next, bool rests) {
  Recorder recorder;
  bool restart = false;
  recorder.decide = [&restart](Element stanza) {
    restart = stanza.name() == "auth" || stanza.name() == "proceed";
    return restart ? ParserAction::restart : ParserAction::go_on;
  };
  StreamParser parser(recorder, limits);
  auto left = stream;
  std::string fault;
  while (!left.empty() && fault.empty()) {
    const auto piece = left.substr(0, next(left.size()));
    const auto fed = parser.feed(piece);
    const auto held = std::min<std::size_t>(stream.size(), limits.stanza + limits.token + slice);
    check(parser.memory() <= engine_keeps + per_byte * held, "the parser holds too much");
    if (!fed) {
      fault = "fault " + std::string(fed.error().condition);
      break;
    }
    check(restart ? *fed > 0 && *fed <= piece.size() : *fed == piece.size(), "bytes are left over");
    left.remove_prefix(*fed);
    if (restart) {
      parser.restart(limits);
      restart = false;
    } else if (rests) {
      parser.rest();
    }
  }
  for (const auto& document : recorder.documents) check_limits(*document, limits, stream);
  recorder.events.push_back(fault);
  return {std::move(recorder.events), std::move(recorder.raws)};
}

// What is wrong twice is refused for what is seen first, and that the pieces do decide: for a token that is too long
// and not well-formed, for the two bytes that tell the encoding, and for text where none belongs that ends badly.
bool may_depend_on_pieces(std::string_view fault) {
  return fault == "fault policy-violation" || fault == "fault restricted-xml" ||
         fault == "fault unsupported-encoding" || fault == "fault invalid-xml";
}

void compare(const Outcome& whole, const Outcome& parts) {
  const auto &one = whole.events.back(), &other = parts.events.back();
  check(!one.empty() && !other.empty(), "a broken stream has no fault");
  check(whole.events.size() == parts.events.size(), "the pieces change the number of events");
  check(std::equal(whole.events.begin(), whole.events.end() - 1, parts.events.begin()), "the pieces change an event");
  check(whole.raws == parts.raws, "the pieces change the bytes of a stanza");
  check(one == other || may_depend_on_pieces(one) || may_depend_on_pieces(other), "the pieces change the fault");
}

// A stream that is one well-formed document holds the same stanzas for plain expat.
void compare_with_plain(std::string_view stream) {
  Recorder recorder;
  StreamParser parser(recorder, all_limits[0]);
  if (!parser.feed(stream) || parser.in_stanza() || recorder.events.empty() || recorder.events.back() != "end") return;
  std::string stanzas;
  for (const auto& document : recorder.documents) stanzas += dump(document->root());
  if (recorder.events.size() != recorder.documents.size() + 2) return;  // one was oversized
  check(plain::tree(stream, true) == stanzas, "plain expat reads other stanzas");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 4) return 0;
  const auto& limits = all_limits[data[0] % all_limits.size()];
  const std::size_t largest = 1 + data[1];
  std::minstd_rand random(data[2] + 1u);
  const bool rests = (data[3] & 1) != 0;
  const std::string stream = std::string(reinterpret_cast<const char*>(data) + 4, size - 4) + std::string(last_word);
  const auto whole = read(stream, limits, [](std::size_t left) { return left; }, false);
  const auto parts = read(
      stream, limits, [&](std::size_t left) { return std::min<std::size_t>(left, 1 + random() % largest); }, rests);
  compare(whole, parts);
  compare_with_plain(std::string_view(stream).substr(0, size - 4));
  return 0;
}
