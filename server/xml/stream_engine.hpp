// Private to server/xml: what a stream needs while bytes are under way.
#pragma once

#include <expat.h>

#include <optional>

#include "xml/stream_parser.hpp"

namespace valise::xml {

inline constexpr char separator = '\x01';             // in the names that expat reports
inline constexpr std::size_t kept_capacity = 16'384;  // behind a large stanza, and in the pool

struct StreamParser::Engine {
  Engine();
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  static std::unique_ptr<Engine> take(TextOf text);
  static void give_back(std::unique_ptr<Engine> engine, TextOf text);

  // Binds to a stream that starts anew, or goes on behind the replayed header.
  void bind(StreamParser& stream);
  // Feeds expat; keeps the bytes of an unfinished stanza.
  std::expected<void, StreamFault> parse(std::string_view bytes);
  void reset_stanza();
  // Whether `bytes`, the next of the stream, could end a token: they hold a '>' that is not inside a quoted value.
  // Each byte must be shown once, before it is parsed.
  [[nodiscard]] bool could_end_token(std::string_view bytes);
  static std::string too_long(std::uint32_t limit) {
    return "a tag is longer than " + std::to_string(limit) + " bytes";
  }

  // -- stream_events.cpp: expat's callbacks, and what they build
  static void on_start(void* self, const XML_Char* name, const XML_Char** attributes);
  static void on_end(void* self, const XML_Char* name);
  static void on_text(void* self, const XML_Char* text, int length);
  static void on_namespace(void* self, const XML_Char* prefix, const XML_Char* uri);
  static void on_cdata(void* self);
  static void on_cdata_end(void* self);
  static void on_other(void* self, const XML_Char* text, int length);
  static void on_restricted(Engine* self, std::string_view what);
  static void on_declaration(void* self, const XML_Char* version, const XML_Char* encoding, int standalone);

  void start_root(const XML_Char* name, const XML_Char** attributes);
  void start_element(const XML_Char* name, const XML_Char** attributes);
  void end_stanza();
  void stop(std::string_view condition, std::string text);
  bool over_limit();
  void skip_stanza();
  Span store(std::string_view text);
  Span store_ns(std::string_view ns);
  Span element_ns(std::string_view ns);
  void add_attributes(const XML_Char** attributes, NodeRecord& node);
  [[nodiscard]] std::size_t pending_token() const noexcept { return fed - last_event; }  // bytes that expat keeps
  [[nodiscard]] std::size_t position() const;      // of the current event, in the stream
  [[nodiscard]] std::size_t position_end() const;  // after the current event

  XML_Parser expat = nullptr;
  StreamParser* stream = nullptr;
  bool replaying = false;
  std::optional<StreamFault> fault;
  bool restart_asked = false;

  std::uint32_t depth = 0;     // open elements, the root included
  std::string raw;             // bytes fed, from raw_offset on
  std::size_t raw_offset = 0;  // stream position of raw[0]
  char start[3] = {};          // of the stream: tell its encoding
  std::size_t fed = 0;         // bytes given to expat since its reset
  std::size_t last_event = 0;  // stream position after the last event
  std::size_t stanza_begin = 0;
  // How the unfinished token goes on, for could_end_token().
  enum class Scan : std::uint8_t { text, opened, tag, quoted, double_quoted, special };
  Scan scan = Scan::text;
  bool in_cdata = false;
  bool skipping = false;  // the stanza is too large or has too much in it: only its end is looked for
  OversizedStanza oversized;

  std::vector<NodeRecord> nodes;
  std::vector<AttributeRecord> attributes;
  std::vector<std::uint32_t> open;  // indexes of open elements
  std::string arena;
  std::size_t inherited_ns = 0;  // bytes of namespaces that would be written again, though the input inherits them
  Span known_ns[8];
  std::uint32_t known_ns_count = 0;
  std::uint32_t namespace_count = 0;
  std::uint32_t node_count = 0;   // of the stanza; of what is skipped only the elements
  bool declares_default = false;  // the start tag that is coming holds xmlns='…'
  bool text_goes_on = false;      // the last node is a text, and nothing has come since
  bool portable = true;
  std::string prefix_declarations;  // of the root, for the replay
  std::string default_ns;
};

}  // namespace valise::xml
