#include "xml/stream_engine.hpp"

#include <malloc.h>

#include <cstdlib>
#include <cstring>
#include <new>

#include "base/release.hpp"

// Debian's expat has it since a security update of 2.5.0; older ones do not defer.
extern "C" XML_Bool XML_SetReparseDeferralEnabled(XML_Parser parser, XML_Bool enabled) __attribute__((weak));

namespace valise::xml {
namespace {

constexpr std::size_t pool_size = 64;
constexpr std::size_t kept_nodes = 512;
// <!… and <?… of legal kinds are short: an XML declaration, the opening of a CDATA section.
constexpr std::size_t longest_special = 512;

// RFC 6120 §11.6: what UTF-16 and UTF-32 look like at the start. expat would take them for what they are, although it
// was told UTF-8, and the bytes of such stanzas must not go on into streams of UTF-8.
bool is_wide(std::string_view start) {
  return start.starts_with('\xff') || start.starts_with('\xfe') ||
         start.substr(0, 2).find('\0') != std::string_view::npos;
}

// expat would skip it as a mark of UTF-8; RFC 6120 §11.6 makes it a character, and none may stand before the root.
constexpr std::string_view byte_order_mark = "\xef\xbb\xbf";

thread_local std::vector<std::unique_ptr<StreamParser::Engine>> pool;  // for the server's own text

// expat keeps names and values in blocks of its own: they are wiped when it gives them back (docs/security.md §6).
void wipe_and_free(void* block) {
  if (block != nullptr) explicit_bzero(block, malloc_usable_size(block));
  std::free(block);
}

void* move_and_wipe(void* block, std::size_t size) {
  if (block == nullptr) return std::malloc(size);
  const auto before = malloc_usable_size(block);
  if (size <= before) return block;
  void* larger = std::malloc(size);
  if (larger == nullptr) return nullptr;
  std::memcpy(larger, block, before);
  wipe_and_free(block);
  return larger;
}

XML_Parser make_expat() {
  static const XML_Memory_Handling_Suite memory{std::malloc, move_and_wipe, wipe_and_free};
  static constexpr XML_Char between[] = {separator, 0};
  auto* expat = XML_ParserCreate_MM("UTF-8", &memory, between);
  if (expat == nullptr) throw std::bad_alloc();
  return expat;
}

}  // namespace

StreamParser::Engine::Engine() : expat(make_expat()) {}

StreamParser::Engine::~Engine() { XML_ParserFree(expat); }

std::unique_ptr<StreamParser::Engine> StreamParser::Engine::take(TextOf text) {
  if (text == TextOf::client || pool.empty()) return std::make_unique<Engine>();
  auto engine = std::move(pool.back());
  pool.pop_back();
  XML_ParserReset(engine->expat, "UTF-8");
  return engine;
}

// XML_ParserReset keeps what was read: a client's text is not to stay (docs/security.md §6).
void StreamParser::Engine::give_back(std::unique_ptr<Engine> engine, TextOf text) {
  if (text == TextOf::client || pool.size() >= pool_size) return;
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
  const std::string_view beginning(start, std::min(fed, sizeof start));
  if (is_wide(beginning)) return std::unexpected(StreamFault{"unsupported-encoding", "only UTF-8"});
  if (beginning == byte_order_mark) return std::unexpected(StreamFault{"not-well-formed", "a byte order mark"});
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

}  // namespace valise::xml
