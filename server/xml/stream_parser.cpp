#include "xml/stream_parser.hpp"

#include "base/release.hpp"
#include "xml/stream_engine.hpp"
#include "xml/writer.hpp"

namespace valise::xml {
namespace {
constexpr std::size_t slice = 16'384;   // fed to expat at once, so that limits are seen in time
constexpr std::size_t start_size = 4;   // the first bytes tell the encoding: never held back
constexpr std::size_t held_back = 512;  // shorter input without a '>' waits for more

constexpr std::size_t expat_bytes = 12'288;  // of one expat parser with its first buffers

bool only_space(std::string_view bytes) { return bytes.find_first_not_of(" \t\r\n") == std::string_view::npos; }
}  // namespace

StreamParser::StreamParser(StreamEvents& events, const StreamLimits& limits, TextOf text)
    : events_(events), limits_(limits), text_(text) {}

StreamParser::~StreamParser() {
  if (engine_) Engine::give_back(std::move(engine_), text_);
}

void StreamParser::take_engine() {
  engine_ = Engine::take(text_);
  engine_->bind(*this);
  if (replay_.empty()) return;
  engine_->replaying = true;
  (void)engine_->parse(replay_);
  engine_->replaying = false;
}

std::expected<std::size_t, StreamFault> StreamParser::feed(std::string_view bytes) {
  // A keepalive (RFC 6120 §4.6.1) needs no parser, and is no stanza that has begun.
  if (header_seen_ && (!engine_ || (engine_->depth == 1 && !in_stanza())) && only_space(bytes)) return bytes.size();
  if (!engine_) take_engine();
  std::size_t consumed = 0;
  while (consumed < bytes.size()) {
    const auto piece = bytes.substr(consumed, slice);
    const auto before = engine_->fed;
    const auto held = pending_.size();
    if (!engine_->could_end_token(piece) && before >= start_size &&
        held + piece.size() < held_back + (before - engine_->last_event)) {
      pending_ += piece;
      consumed += piece.size();
      continue;
    }
    std::expected<void, StreamFault> outcome;
    if (pending_.empty()) {
      outcome = engine_->parse(piece);
    } else {
      pending_ += piece;
      const auto joined = std::move(pending_);
      pending_ = {};
      outcome = engine_->parse(joined);
    }
    if (!outcome) return std::unexpected(std::move(outcome.error()));
    if (engine_->restart_asked) {
      // The position is in what expat got; held-back bytes came in earlier calls and are all before it.
      return consumed + (engine_->last_event - before - held);
    }
    consumed += piece.size();
  }
  return consumed;
}

void StreamParser::restart(const StreamLimits& limits) {
  limits_ = limits;
  header_seen_ = false;
  release(replay_);
  release(pending_);
  if (engine_) Engine::give_back(std::move(engine_), text_);
}

bool StreamParser::in_stanza() const noexcept {
  if (!pending_.empty()) return true;
  return engine_ && (engine_->depth >= 2 || engine_->in_cdata || engine_->fed != engine_->last_event);
}

bool StreamParser::rest() {
  if (!engine_) return true;
  if (!header_seen_ || in_stanza() || engine_->depth != 1) return false;
  Engine::give_back(std::move(engine_), text_);
  return true;
}

std::size_t StreamParser::memory() const noexcept {
  std::size_t total = replay_.capacity() + pending_.capacity();
  if (engine_) {
    total += sizeof(Engine) + expat_bytes + 2 * engine_->pending_token() + engine_->raw.capacity() +
             engine_->arena.capacity() + engine_->nodes.capacity() * sizeof(NodeRecord) +
             engine_->attributes.capacity() * sizeof(AttributeRecord);
  }
  return total;
}

std::size_t StreamParser::used() const noexcept {
  std::size_t total = replay_.size() + pending_.size();
  if (engine_) {
    total += engine_->raw.size() + engine_->arena.size() + engine_->nodes.size() * sizeof(NodeRecord) +
             engine_->attributes.size() * sizeof(AttributeRecord);
  }
  return total;
}

namespace {
struct OneElement final : StreamEvents {
  DocumentPtr document;
  bool other = false;  // anything but exactly one element
  void on_header(const StreamHeader&) override {}
  ParserAction on_stanza(DocumentPtr stanza) override {
    other = other || document;
    document = std::move(stanza);
    return ParserAction::go_on;
  }
  void on_oversized(const OversizedStanza&) override { other = true; }
  void on_end() override { other = true; }
};
}  // namespace

DocumentPtr parse_element(std::string_view text, std::string_view default_ns) {
  static constexpr StreamLimits limits{.stanza = 16'777'216,
                                       .token = 16'777'216,
                                       .depth = 256,
                                       .attributes = 1024,
                                       .children = 1'000'000,
                                       .namespaces = 4096};
  OneElement one;
  StreamParser parser(one, limits, TextOf::server);
  std::string whole = "<s xmlns='";
  append_escaped_attribute(whole, default_ns);
  whole += "'>";
  whole += text;
  if (!parser.feed(whole) || parser.in_stanza() || one.other) return {};
  return one.document;
}

}  // namespace valise::xml
