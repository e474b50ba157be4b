// The engine's second half: what expat reports, made into headers and stanzas.
#include "base/release.hpp"
#include "xml/stream_engine.hpp"
#include "xml/writer.hpp"

namespace valise::xml {
namespace {

constexpr std::string_view xml_ns = "http://www.w3.org/XML/1998/namespace";

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

}  // namespace

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
  // RFC 6120 §4.8.5: the content namespace is the default one.
  if (!triplet.prefix.empty() && triplet.ns == default_ns) {
    return stop("bad-namespace-prefix", "elements of the content namespace have no prefix");
  }
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
