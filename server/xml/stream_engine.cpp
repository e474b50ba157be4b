#include "xml/stream_engine.hpp"

#include <stdexcept>

#include "base/release.hpp"
#include "xml/writer.hpp"

// Debian's expat has it since a security update of 2.5.0; older ones do not defer.
extern "C" XML_Bool XML_SetReparseDeferralEnabled(XML_Parser parser, XML_Bool enabled) __attribute__((weak));

namespace valise::xml {
namespace {

constexpr char separator = '\x01';
constexpr std::string_view xml_ns = "http://www.w3.org/XML/1998/namespace";
constexpr std::size_t pool_size = 64;
constexpr std::size_t kept_capacity = 16'384;  // a pooled engine keeps no larger buffers
constexpr std::size_t kept_nodes = 512;
// <!… and <?… of legal kinds are short: an XML declaration, the opening of a CDATA section.
constexpr std::size_t longest_special = 512;

// expat's "uri SEP local SEP prefix", "uri SEP local" or "local".
struct Triplet {
  std::string_view ns, name, prefix;
};

Triplet split(const XML_Char* text) {
  const std::string_view whole(text);
  const auto first = whole.find(separator);
  if (first == std::string_view::npos) return {{}, whole, {}};
  const auto rest = whole.substr(first + 1);
  const auto second = rest.find(separator);
  if (second == std::string_view::npos) return {whole.substr(0, first), rest, {}};
  return {whole.substr(0, first), rest.substr(0, second), rest.substr(second + 1)};
}

// RFC 6120 §11.6: what UTF-16 and UTF-32 look like at the start. expat would take them for what they are, although it
// was told UTF-8, and the bytes of such stanzas must not go on into streams of UTF-8.
bool is_wide(std::string_view start) {
  return start.starts_with('\xff') || start.starts_with('\xfe') ||
         start.substr(0, 2).find('\0') != std::string_view::npos;
}

std::string too_long(std::uint32_t limit) { return "a tag is longer than " + std::to_string(limit) + " bytes"; }

thread_local std::vector<std::unique_ptr<StreamParser::Engine>> pool;

}  // namespace

StreamParser::Engine::Engine() : expat(XML_ParserCreateNS("UTF-8", separator)) {
  if (expat == nullptr) throw std::bad_alloc();
}

StreamParser::Engine::~Engine() { XML_ParserFree(expat); }

std::unique_ptr<StreamParser::Engine> StreamParser::Engine::take() {
  if (pool.empty()) return std::make_unique<Engine>();
  auto engine = std::move(pool.back());
  pool.pop_back();
  XML_ParserReset(engine->expat, "UTF-8");
  return engine;
}

void StreamParser::Engine::give_back(std::unique_ptr<Engine> engine) {
  if (pool.size() >= pool_size) return;
  engine->stream = nullptr;
  if (engine->raw.capacity() > kept_capacity) release(engine->raw);
  if (engine->arena.capacity() > kept_capacity) release(engine->arena);
  if (engine->nodes.capacity() > kept_nodes) release(engine->nodes);
  if (engine->attributes.capacity() > kept_nodes) release(engine->attributes);
  pool.push_back(std::move(engine));
}

void StreamParser::Engine::bind(StreamParser& owner) {
  stream = &owner;
  if (XML_SetReparseDeferralEnabled != nullptr) XML_SetReparseDeferralEnabled(expat, XML_FALSE);
  XML_SetReturnNSTriplet(expat, 1);
  XML_SetUserData(expat, this);
  XML_SetElementHandler(expat, &on_start, &on_end);
  XML_SetCharacterDataHandler(expat, &on_text);
  XML_SetStartNamespaceDeclHandler(expat, &on_namespace);
  XML_SetXmlDeclHandler(expat, &on_declaration);
  XML_SetCdataSectionHandler(expat, &on_cdata, &on_cdata_end);
  XML_SetDefaultHandlerExpand(expat, &on_other);
  // RFC 6120 §11.1: comments, processing instructions, DTD subsets and other entities than the five.
  XML_SetCommentHandler(expat,
                        [](void* self, const XML_Char*) { on_restricted(static_cast<Engine*>(self), "a comment"); });
  XML_SetProcessingInstructionHandler(expat, [](void* self, const XML_Char*, const XML_Char*) {
    on_restricted(static_cast<Engine*>(self), "a processing instruction");
  });
  XML_SetStartDoctypeDeclHandler(expat, [](void* self, const XML_Char*, const XML_Char*, const XML_Char*, int) {
    on_restricted(static_cast<Engine*>(self), "a document type declaration");
  });
  fault.reset();
  restart_asked = false;
  depth = 0;
  fed = raw_offset = last_event = 0;
  raw.clear();
  prefix_declarations.clear();
  default_ns.clear();
  scan = Scan::text;
  in_cdata = false;
  reset_stanza();
}

void StreamParser::Engine::reset_stanza() {
  nodes.clear();
  attributes.clear();
  open.clear();
  arena.clear();
  known_ns_count = namespace_count = node_count = 0;
  declares_default = text_goes_on = false;
  inherited_ns = 0;
  portable = true;
  skipping = false;
}

// Every byte of every stanza passes here: long runs (text, values) are skipped by memchr.
bool StreamParser::Engine::could_end_token(std::string_view bytes) {
  bool could = false;
  std::size_t at = 0;
  const auto npos = std::string_view::npos;
  // Behind the next `wanted`, where `then` goes on; to the end when there is none.
  const auto skip = [&](std::size_t from, char wanted, Scan then) {
    const auto found = bytes.find(wanted, from);
    if (found == npos) return bytes.size();
    scan = then;
    return found + 1;
  };
  if (const auto last = in_cdata ? bytes.rfind('>') : npos; last != npos) {  // nothing is quoted in there
    could = true;
    scan = Scan::text;
    at = last + 1;
  }
  while (at < bytes.size()) {
    const char c = bytes[at];
    switch (scan) {
      case Scan::text: {
        const auto next = skip(at, '<', Scan::opened);
        could = could || bytes.substr(at, next - at).contains('>');
        at = next;
        break;
      }
      case Scan::opened:
        ++at;
        scan = c == '>' ? Scan::text : c == '!' || c == '?' ? Scan::special : Scan::tag;
        could = could || c == '>';
        break;
      case Scan::tag:
        ++at;
        if (c == '\'') scan = Scan::quoted;
        if (c == '"') scan = Scan::double_quoted;
        if (c != '>') break;
        scan = Scan::text;
        could = true;
        break;
      case Scan::quoted:
        at = skip(at, '\'', Scan::tag);
        break;
      case Scan::double_quoted:
        at = skip(at, '"', Scan::tag);
        break;
      case Scan::special:
        at = skip(at, '>', Scan::text);
        could = could || scan == Scan::text;
        break;
    }
  }
  return could;
}

std::size_t StreamParser::Engine::position() const { return static_cast<std::size_t>(XML_GetCurrentByteIndex(expat)); }

std::size_t StreamParser::Engine::position_end() const {
  return position() + static_cast<std::size_t>(XML_GetCurrentByteCount(expat));
}

void StreamParser::Engine::stop(std::string_view condition, std::string text) {
  if (!fault) fault = StreamFault{condition, std::move(text)};
  XML_StopParser(expat, XML_FALSE);
}

std::expected<void, StreamFault> StreamParser::Engine::parse(std::string_view bytes) {
  const auto fed_before = fed;
  for (const char c : bytes.substr(0, fed < sizeof start ? sizeof start - fed : 0)) start[fed++] = c;
  fed = fed_before + bytes.size();
  raw += bytes;
  const auto event_before = last_event;
  if (is_wide({start, std::min(fed, sizeof start)}))
    return std::unexpected(StreamFault{"unsupported-encoding", "only UTF-8"});
  const auto status = XML_Parse(expat, bytes.data(), static_cast<int>(bytes.size()), XML_FALSE);
  if (fault) return std::unexpected(*fault);
  if (status == XML_STATUS_ERROR && !restart_asked) {
    const auto code = XML_GetErrorCode(expat);
    if (code == XML_ERROR_UNDEFINED_ENTITY || code == XML_ERROR_RECURSIVE_ENTITY_REF) {
      return std::unexpected(StreamFault{"restricted-xml", "entity references other than the five predefined ones"});
    }
    if (code == XML_ERROR_UNKNOWN_ENCODING || code == XML_ERROR_INCORRECT_ENCODING) {
      return std::unexpected(StreamFault{"unsupported-encoding", "only UTF-8"});
    }
    if (code == XML_ERROR_NO_MEMORY) return std::unexpected(StreamFault{"resource-constraint", "out of memory"});
    return std::unexpected(StreamFault{"not-well-formed", XML_ErrorString(code)});
  }
  if (restart_asked) return {};
  if (fed - last_event > stream->limits_.token) {
    return std::unexpected(StreamFault{"policy-violation", too_long(stream->limits_.token)});
  }
  const auto unfinished = std::string_view(raw).substr(last_event - raw_offset);
  if (unfinished.size() > longest_special && !in_cdata &&
      (unfinished.starts_with("<!") || unfinished.starts_with("<?"))) {
    return std::unexpected(StreamFault{"restricted-xml", "a comment, instruction or declaration (RFC 6120 §11.1)"});
  }
  if (last_event != event_before) {
    scan = Scan::text;
    (void)could_end_token(unfinished);
  }
  // Keep what an unfinished stanza (or token) may still need.
  const std::size_t keep_from = depth >= 2 && !skipping ? stanza_begin : last_event;
  if (keep_from > raw_offset) {
    raw.erase(0, keep_from - raw_offset);
    raw_offset = keep_from;
  }
  if (depth >= 2 && !skipping && fed - stanza_begin > stream->limits_.stanza) {
    skip_stanza();
    raw.erase(0, last_event > raw_offset ? last_event - raw_offset : 0);
    raw_offset = std::max(raw_offset, last_event);
  }
  if (skipping && raw.capacity() > kept_capacity) raw.shrink_to_fit();
  return {};
}

void StreamParser::Engine::on_restricted(Engine* self, std::string_view what) {
  self->stop("restricted-xml", std::string(what) + " is not allowed (RFC 6120 §11.1)");
}

void StreamParser::Engine::on_declaration(void* self, const XML_Char*, const XML_Char* encoding, int) {
  auto& engine = *static_cast<Engine*>(self);
  engine.last_event = engine.position_end();
  if (encoding == nullptr) return;
  std::string name(encoding);
  for (auto& c : name) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  if (name != "UTF-8") engine.stop("unsupported-encoding", "only UTF-8 (RFC 6120 §11.6)");
}

void StreamParser::Engine::on_cdata(void* self) {
  auto& engine = *static_cast<Engine*>(self);
  engine.last_event = engine.position_end();
  engine.in_cdata = true;
  if (engine.depth >= 2) engine.portable = false;
}

void StreamParser::Engine::on_cdata_end(void* self) {
  auto& engine = *static_cast<Engine*>(self);
  engine.last_event = engine.position_end();
  engine.in_cdata = false;
}

// White space around the root element.
void StreamParser::Engine::on_other(void* self, const XML_Char*, int) {
  auto& engine = *static_cast<Engine*>(self);
  engine.last_event = std::max(engine.last_event, engine.position_end());
}

void StreamParser::Engine::on_namespace(void* self, const XML_Char* prefix, const XML_Char* uri) {
  auto& engine = *static_cast<Engine*>(self);
  if (engine.depth == 0) {
    if (prefix == nullptr) {
      engine.default_ns = uri == nullptr ? "" : uri;
    } else {
      engine.prefix_declarations += std::string(" xmlns:") + prefix + "='";
      append_escaped_attribute(engine.prefix_declarations, uri == nullptr ? "" : uri);
      engine.prefix_declarations += "'";
    }
    return;
  }
  if (prefix == nullptr) {
    engine.declares_default = true;
  } else {
    engine.portable = false;
  }
  if (++engine.namespace_count > engine.stream->limits_.namespaces) {
    engine.stop("policy-violation", "too many namespace declarations in one stanza");
  }
}

void StreamParser::Engine::on_start(void* self, const XML_Char* name, const XML_Char** attributes) {
  auto& engine = *static_cast<Engine*>(self);
  if (engine.fault || engine.restart_asked) return;
  engine.last_event = engine.position_end();
  engine.text_goes_on = false;
  if (engine.last_event - engine.position() > engine.stream->limits_.token && !engine.replaying) {
    return engine.stop("policy-violation", too_long(engine.stream->limits_.token));
  }
  if (engine.depth == 0) {
    engine.start_root(name, attributes);
  } else {
    engine.start_element(name, attributes);
  }
  ++engine.depth;
}

void StreamParser::Engine::start_root(const XML_Char* name, const XML_Char** list) {
  if (replaying) return;
  StreamHeader header;
  const auto triplet = split(name);
  header.name = triplet.name;
  header.ns = triplet.ns;
  header.stream_prefix = triplet.prefix;
  header.content_ns = default_ns;
  for (; *list != nullptr; list += 2) {
    const auto attribute = split(list[0]);
    const std::string_view value(list[1]);
    if (attribute.ns == xml_ns && attribute.name == "lang") header.lang = value;
    if (!attribute.ns.empty()) continue;
    if (attribute.name == "to") header.to = value;
    if (attribute.name == "from") header.from = value;
    if (attribute.name == "version") header.version = value;
    if (attribute.name == "id") header.id = value;
  }
  const std::string root = header.stream_prefix.empty() ? header.name : header.stream_prefix + ":" + header.name;
  stream->replay_ = "<" + root + " xmlns='" + escaped(default_ns) + "'" + prefix_declarations + ">";
  stream->replay_.shrink_to_fit();
  stream->header_seen_ = true;
  stream->events_.on_header(header);
}

Span StreamParser::Engine::store(std::string_view text) {
  const Span span{static_cast<std::uint32_t>(arena.size()), static_cast<std::uint32_t>(text.size())};
  arena += text;
  return span;
}

Span StreamParser::Engine::store_ns(std::string_view ns) {
  const std::string_view whole(arena);
  for (std::uint32_t i = 0; i < known_ns_count; ++i) {
    if (whole.substr(known_ns[i].offset, known_ns[i].length) == ns) return known_ns[i];
  }
  const auto span = store(ns);
  if (known_ns_count < std::size(known_ns)) known_ns[known_ns_count++] = span;
  return span;
}

// Written anew (append_tree), an element says its namespace wherever it is not its parent's; the input need not, if a
// prefix or an ancestor has declared it. Without a count of these bytes one long namespace would become gigabytes.
Span StreamParser::Engine::element_ns(std::string_view ns) {
  if (!open.empty()) {
    const auto& parent = nodes[open.back()].ns;
    if (std::string_view(arena).substr(parent.offset, parent.length) == ns) return parent;
  }
  if (!declares_default && (!open.empty() || ns != default_ns)) inherited_ns += ns.size();
  return store_ns(ns);
}

void StreamParser::Engine::add_attributes(const XML_Char** list, NodeRecord& node) {
  node.first_attribute = static_cast<std::uint32_t>(attributes.size());
  for (; *list != nullptr; list += 2) {
    const auto name = split(list[0]);
    AttributeRecord record;
    if (name.ns == xml_ns) {
      record.name = store("xml:");
      record.name.length += store(name.name).length;
    } else {
      if (!name.ns.empty()) {
        record.ns = store_ns(name.ns);
        inherited_ns += name.ns.size();
        portable = false;
      }
      record.name = store(name.name);
    }
    record.value = store(list[1]);
    attributes.push_back(record);
    ++node.attribute_count;
  }
}

void StreamParser::Engine::start_element(const XML_Char* name, const XML_Char** list) {
  const auto& limits = stream->limits_;
  if (depth == 1) stanza_begin = position();
  const auto attribute_count = static_cast<std::uint32_t>(XML_GetSpecifiedAttributeCount(expat)) / 2;
  ++node_count;
  if (depth > 2 * limits.depth) return stop("policy-violation", "elements are nested too deep");
  if (attribute_count > 2 * limits.attributes) return stop("policy-violation", "an element has too many attributes");
  if (node_count > 2 * limits.children) return stop("policy-violation", "a stanza has too many elements");
  const bool too_much = depth > limits.depth || attribute_count > limits.attributes || node_count > limits.children;
  if (depth > 1 && (too_much || over_limit())) skip_stanza();
  if (skipping || fault) return;
  const auto triplet = split(name);
  if (triplet.ns == xml_ns) return stop("bad-namespace-prefix", "the prefix 'xml' is for attributes");
  NodeRecord node;
  node.ns = element_ns(triplet.ns);
  node.name = store(triplet.name);
  if (!triplet.prefix.empty()) portable = false;
  node.declares_ns = declares_default;
  declares_default = false;
  node.raw_begin = static_cast<std::uint32_t>(position() - stanza_begin);
  add_attributes(list, node);
  open.push_back(static_cast<std::uint32_t>(nodes.size()));
  nodes.push_back(node);
  if ((depth == 1 && too_much) || ((depth == 1 || inherited_ns != 0) && over_limit())) skip_stanza();
}

void StreamParser::Engine::on_end(void* self, const XML_Char*) {
  auto& engine = *static_cast<Engine*>(self);
  if (engine.fault || engine.restart_asked) return;
  engine.last_event = engine.position_end();
  engine.text_goes_on = false;
  --engine.depth;
  if (engine.depth == 0) {
    engine.stream->events_.on_end();
    return;
  }
  if (!engine.skipping) {
    auto& node = engine.nodes[engine.open.back()];
    engine.open.pop_back();
    node.end = static_cast<std::uint32_t>(engine.nodes.size());
    node.raw_end = static_cast<std::uint32_t>(engine.last_event - engine.stanza_begin);
    if (engine.over_limit()) engine.skip_stanza();
  } else if (engine.over_limit() && engine.fault) {
    return;
  }
  if (engine.depth == 1) engine.end_stanza();
}

void StreamParser::Engine::on_text(void* self, const XML_Char* text, int length) {
  auto& engine = *static_cast<Engine*>(self);
  if (engine.fault || engine.restart_asked) return;
  engine.last_event = engine.position_end();
  const std::string_view bytes(text, static_cast<std::size_t>(length));
  if (engine.depth <= 1) {
    // White space between stanzas is a keepalive (RFC 6120 §4.6.1); anything else is no stanza.
    if (bytes.find_first_not_of(" \t\r\n") != std::string_view::npos) {
      engine.stop("invalid-xml", "text between stanzas");
    }
    return;
  }
  if (engine.over_limit()) engine.skip_stanza();
  if (engine.skipping || engine.fault) return;
  auto& nodes = engine.nodes;
  if (engine.text_goes_on) {
    nodes.back().name.length += engine.store(bytes).length;  // expat reports one text in several pieces
    nodes.back().raw_end = static_cast<std::uint32_t>(engine.last_event - engine.stanza_begin);
    return;
  }
  if (++engine.node_count > engine.stream->limits_.children) return engine.skip_stanza();
  NodeRecord node;
  node.name = engine.store(bytes);
  node.attribute_count = NodeRecord::text_marker;
  node.end = static_cast<std::uint32_t>(nodes.size()) + 1;
  node.raw_begin = static_cast<std::uint32_t>(engine.position() - engine.stanza_begin);
  node.raw_end = static_cast<std::uint32_t>(engine.last_event - engine.stanza_begin);
  nodes.push_back(node);
  engine.text_goes_on = true;
}

// True when the current stanza is beyond the soft limit of bytes, as it came or written anew; beyond twice the limit,
// as it came, the stream ends.
bool StreamParser::Engine::over_limit() {
  const auto size = last_event - stanza_begin;
  const std::size_t limit = stream->limits_.stanza;
  if (size > 2 * limit) stop("policy-violation", "a stanza is larger than " + std::to_string(2 * limit) + " bytes");
  return size + inherited_ns > limit;
}

void StreamParser::Engine::skip_stanza() {
  if (skipping || nodes.empty()) return;
  // Of the stanza only what a bounce needs.
  const auto attribute = [this](std::string_view wanted) -> std::string {
    const auto& root = nodes.front();
    const std::string_view all(arena);
    for (std::uint32_t i = 0; i < root.attribute_count; ++i) {
      const auto& record = attributes[root.first_attribute + i];
      if (record.ns.length == 0 && all.substr(record.name.offset, record.name.length) == wanted) {
        return std::string(all.substr(record.value.offset, std::min<std::uint32_t>(record.value.length, 3071)));
      }
    }
    return {};
  };
  oversized = {std::string(arena, nodes.front().name.offset, nodes.front().name.length), attribute("to"),
               attribute("from"), attribute("id"), attribute("type")};
  const auto declarations = namespace_count;
  const auto counted = node_count;
  reset_stanza();
  namespace_count = declarations;
  node_count = counted;
  skipping = true;
  if (arena.capacity() > kept_capacity) release(arena);
}

void StreamParser::Engine::end_stanza() {
  if (skipping) {
    reset_stanza();
    stream->events_.on_oversized(oversized);
    return;
  }
  const std::string_view bytes(raw.data() + (stanza_begin - raw_offset), last_event - stanza_begin);
  auto document = Document::create(nodes.data(), static_cast<std::uint32_t>(nodes.size()), attributes.data(),
                                   static_cast<std::uint32_t>(attributes.size()), arena, bytes, portable);
  reset_stanza();  // here, not at the next start: that one's namespace declarations are reported before it
  if (stream->events_.on_stanza(std::move(document)) == ParserAction::restart) {
    restart_asked = true;
    XML_StopParser(expat, XML_FALSE);
  }
}

}  // namespace valise::xml
