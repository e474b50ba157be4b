// Writes down what a stream parser says, one line an event, so that two runs can be compared as lists of strings.
#pragma once

#include <algorithm>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "xml/stream_parser.hpp"

namespace valise::xml {

// A tree as text that does not depend on prefixes, quotes, order of attributes or how text was escaped.
inline void dump(std::string& out, Element element) {
  if (element.is_text()) {
    out += "[" + element.text() + "]";
    return;
  }
  out += "{" + std::string(element.ns()) + "}" + std::string(element.name()) + "(";
  std::vector<std::string> attributes;
  const auto* record = element.attributes_begin();
  for (std::uint32_t i = 0; i < element.attribute_count(); ++i, ++record) {
    const auto& document = *element.document();
    attributes.push_back("{" + std::string(document.view(record->ns)) + "}" + std::string(document.view(record->name)) +
                         "=" + std::string(document.view(record->value)) + ";");
  }
  std::ranges::sort(attributes);
  for (const auto& attribute : attributes) out += attribute;
  out += ")";
  for (const auto child : element.children()) dump(out, child);
  out += "/";
}

inline std::string dump(Element element) {
  std::string out;
  dump(out, element);
  return out;
}

class Recorder final : public StreamEvents {
 public:
  void on_header(const StreamHeader& header) override {
    events.push_back("header " + header.stream_prefix + ":" + header.name + " ns=" + header.ns +
                     " content=" + header.content_ns + " to=" + header.to + " from=" + header.from +
                     " version=" + header.version + " lang=" + header.lang + " id=" + header.id);
  }
  ParserAction on_stanza(DocumentPtr stanza) override {
    events.push_back("stanza " + dump(stanza->root()));
    raws.emplace_back(stanza->raw());
    documents.push_back(stanza);
    return decide ? decide(stanza->root()) : ParserAction::go_on;
  }
  void on_oversized(const OversizedStanza& stanza) override {
    events.push_back("oversized " + stanza.name + " to=" + stanza.to + " from=" + stanza.from + " id=" + stanza.id +
                     " type=" + stanza.type);
  }
  void on_end() override { events.push_back("end"); }

  std::vector<std::string> events;
  std::vector<std::string> raws;
  std::vector<DocumentPtr> documents;
  std::function<ParserAction(Element)> decide;
};

inline constexpr std::string_view header_text =
    "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' to='a.example' "
    "version='1.0'>";
inline constexpr StreamLimits default_limits{};

// One stream in pieces that `next` measures (bytes left → size of the next piece, at least 1). A fault is the last
// event.
template <class Next>
std::vector<std::string> events_of(std::string_view bytes, const StreamLimits& limits, Next&& next,
                                   bool rests = false) {
  Recorder recorder;
  StreamParser parser(recorder, limits);
  while (!bytes.empty()) {
    const auto piece = bytes.substr(0, next(bytes.size()));
    bytes.remove_prefix(piece.size());
    const auto fed = parser.feed(piece);
    if (!fed) {
      recorder.events.push_back("fault " + std::string(fed.error().condition));
      return recorder.events;
    }
    if (*fed != piece.size()) recorder.events.push_back("left over");
    if (rests) parser.rest();
  }
  return recorder.events;
}

inline std::vector<std::string> events_of(std::string_view bytes, const StreamLimits& limits = default_limits) {
  return events_of(bytes, limits, [](std::size_t left) { return left; });
}

// The last event of `stanza` behind an ordinary header.
inline std::string last_event_of(std::string_view stanza, const StreamLimits& limits = default_limits) {
  const auto events = events_of(std::string(header_text) + std::string(stanza), limits);
  return events.empty() ? "" : events.back();
}

}  // namespace valise::xml
