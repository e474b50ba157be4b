#include "stream/websocket_wire.hpp"

#include <utility>

#include "base/release.hpp"
#include "core/namespaces.hpp"
#include "xml/writer.hpp"

namespace valise::stream {
namespace ns = core::ns;
using http::websocket::Close;
namespace {

constexpr std::string_view framing = "urn:ietf:params:xml:ns:xmpp-framing";
// Around all messages of a stream, for a parser that need not begin anew with each: it declares nothing.
constexpr std::string_view root = "<messages>";
constexpr std::size_t longest_declaration = 512;
constexpr std::size_t kept_capacity = 4'096;

}  // namespace

// A connection that has said its last word and hears the peer's.
class WebSocketWire::Goodbye final : public Remains, private net::ConnectionHandler {
 public:
  explicit Goodbye(std::unique_ptr<net::Connection> connection) : connection_(std::move(connection)) {
    connection_->set_handler(*this);
    connection_->close_after_flush();
  }

 private:
  bool on_bytes(std::string_view) override { return true; }
  void on_secured() override {}
  std::size_t queue_limit() override { return connection_->queued(); }  // nothing more is added
  void on_closed(net::CloseReason) override {
    if (over) over();
  }
  std::unique_ptr<net::Connection> connection_;
};

WebSocketWire::WebSocketWire(std::unique_ptr<net::Connection> connection, std::string early, std::string address,
                             std::uint16_t port, std::string origin)
    : SocketWire(std::move(connection)),
      parser_(*this, {}),
      address_(std::move(address)),
      origin_(std::move(origin)),
      port_(port),
      early_(!early.empty()) {
  if (early_) hold_with(std::move(early));
}

WebSocketWire::~WebSocketWire() {
  if (connection_) connection_->loop().cancel(*this);
}

// The client may have sent more behind its handshake. It is read when the stream is there.
Result<> WebSocketWire::start() {
  connection_->loop().enqueue(*this);
  return {};
}

void WebSocketWire::on_turn_end() {
  if (std::exchange(early_, false)) {
    events().on_read(SocketWire::memory());
    if (!deaf()) go_on();
  }
  seal();
}

// ---- from the client

std::optional<std::size_t> WebSocketWire::take(std::string_view bytes) {
  const auto taken = reader_.take(bytes, *this);
  if (taken || deaf()) return taken;
  say_goodbye(reader_.fault(), net::CloseReason::error);  // RFC 6455 §7.1.7
  return std::nullopt;
}

void WebSocketWire::set_limits(const xml::StreamLimits& limits) {
  limits_ = limits;
  parser_.set_limits(limits);
  reader_.limit(2 * std::size_t{limits.stanza});  // beyond the soft limit what is skipped and bounced
}

void WebSocketWire::restart(const xml::StreamLimits& limits) {
  expects_open_ = true;
  set_limits(limits);
}

void WebSocketWire::fault(std::string_view condition, std::string text) {
  events().on_fault({condition, std::move(text)});
}

bool WebSocketWire::on_text(std::string_view piece, bool first, bool last) {
  if (first) {
    in_message_ = true;
    wrong_ = parsing_ = declared_ = false;
    element_ = {};
    oversized_.reset();
    start_.clear();
  }
  if (parsing_) {
    if (!parse(piece)) return false;
  } else {
    start_ += piece;
    if (!begin_message()) return false;
  }
  return !last || end_message();
}

// What stands at its front decides. An XML declaration is allowed (RFC 7395 §3.3.3), and makes the parser begin anew.
bool WebSocketWire::begin_message() {
  if (start_.empty()) return true;
  if (start_.front() != '<') {  // §3.3.3, §3.8: no white space either
    fault("bad-format", "a message begins with '<'");
    return false;
  }
  if (start_.size() < 2) return true;
  if (start_[1] == '!') {
    fault("restricted-xml", "a comment or declaration (RFC 6120 §11.1)");
    return false;
  }
  if (start_[1] == '?') {
    const auto end = start_.find("?>");
    if (end == std::string::npos) {
      if (start_.size() <= longest_declaration) return true;
      fault("restricted-xml", "a processing instruction");
      return false;
    }
    parser_.restart(limits_);
    parsing_ = declared_ = true;
    const auto text = std::exchange(start_, {});
    return parse(std::string_view(text).substr(0, end + 2)) && parse(root) &&
           parse(std::string_view(text).substr(end + 2));
  }
  parsing_ = true;
  if (!parser_.header_seen() && !parse(root)) return false;
  const auto text = std::exchange(start_, {});
  return parse(text);
}

bool WebSocketWire::parse(std::string_view piece) {
  const auto consumed = parser_.feed(piece);
  if (!consumed) {
    fault(consumed.error().condition, consumed.error().text);
    return false;
  }
  return true;
}

xml::ParserAction WebSocketWire::on_stanza(xml::DocumentPtr element) {
  if (element_ || oversized_) wrong_ = true;
  element_ = std::move(element);
  return xml::ParserAction::go_on;
}

void WebSocketWire::on_oversized(const xml::OversizedStanza& stanza) {
  if (element_ || oversized_) wrong_ = true;
  oversized_ = std::make_unique<xml::OversizedStanza>(stanza);
}

// False: nothing more is read now.
bool WebSocketWire::end_message() {
  in_message_ = false;
  if (wrong_ || !parsing_ || parser_.in_stanza() || (!element_ && !oversized_)) {
    fault("not-well-formed", "a message is one whole element");
    return false;
  }
  if (declared_) parser_.restart(limits_);  // its declaration spoke for it alone
  if (const auto oversized = std::exchange(oversized_, nullptr)) {
    events().on_oversized(*oversized);
    return !deaf();
  }
  return hand_up(std::exchange(element_, {}));
}

bool WebSocketWire::hand_up(xml::DocumentPtr document) {
  const auto element = document->root();
  if (expects_open_) {  // §3.4
    expects_open_ = false;
    xml::StreamHeader header;
    const bool open = element.name() == "open";
    header.name = open ? "stream" : std::string(element.name());
    header.ns = open && element.ns() != framing ? element.ns() : ns::stream;  // §3.3.2
    header.content_ns = ns::client;
    header.stream_prefix = "stream";
    header.to = element.attribute_or_empty("to");
    header.from = element.attribute_or_empty("from");
    header.version = element.attribute_or_empty("version");
    header.lang = element.attribute_or_empty(xml::xml_lang);
    header.id = element.attribute_or_empty("id");
    events().on_header(header);
  } else if (element.is("close", framing)) {
    events().on_end();
  } else if (events().on_stanza(std::move(document)) == xml::ParserAction::restart) {
    expects_open_ = true;  // §3.7
  }
  return !deaf() && !held_;
}

void WebSocketWire::on_ping(std::string_view payload) {
  if (deaf()) return;
  seal();
  http::websocket::append_pong(connection_->output(), payload);
}

// RFC 6455 §5.5.1: echoed. For XMPP it is a connection that broke (RFC 7395 §3.6).
void WebSocketWire::on_close(Close code) {
  say_goodbye(code == Close::no_status ? Close::normal : code, net::CloseReason::by_peer);
}

// ---- to the client

// The element before it is whole by now.
std::string& WebSocketWire::output() {
  seal();
  if (connection_) connection_->loop().enqueue(*this);
  return staged_;
}

void WebSocketWire::seal() {
  if (staged_.empty()) return;
  std::string alone;
  alone.reserve(staged_.size() + 64);
  append_alone(alone, staged_);
  if (!deaf()) http::websocket::append_text(connection_->output(), alone);
  staged_.clear();
  if (staged_.capacity() > kept_capacity) release(staged_);
}

void WebSocketWire::open(const StreamOpening& opening) {
  std::string out;
  xml::Writer(out)
      .open("open", framing)
      .attribute("from", opening.from)
      .attribute_if("to", opening.to)
      .attribute("id", opening.id)
      .attribute_if("version", opening.version)
      .attribute("xml:lang", opening.lang)
      .close();
  send(out);
}

void WebSocketWire::send_error(std::string_view condition, std::string_view element) {
  if (condition == "system-shutdown") last_word_ = Close::going_away;
  send(element);
}

void WebSocketWire::end_stream() { send("<close xmlns='urn:ietf:params:xml:ns:xmpp-framing'/>"); }

void WebSocketWire::flush() {
  seal();
  if (connection_) connection_->flush();
}

std::size_t WebSocketWire::queued() {
  seal();
  return connection_ ? connection_->queued() : 0;
}

// §3.6: the stream is closed; now the WebSocket.
void WebSocketWire::close_after_flush() {
  if (deaf()) return;
  seal();
  http::websocket::append_close(connection_->output(), last_word_);
  SocketWire::close_after_flush();
}

void WebSocketWire::close_now(net::CloseReason reason) {
  if (connection_) connection_->close_now(reason);
}

// The connection hears the peer's last word by itself (Goodbye); the stream need not wait for it.
void WebSocketWire::say_goodbye(Close code, net::CloseReason reason) {
  if (deaf()) return;
  seal();
  http::websocket::append_close(connection_->output(), code);
  connection_->flush();
  if (closed()) return;
  closing_ = goodbye_ = true;
  connection_->loop().cancel(*this);
  events().on_closed(reason);
}

std::unique_ptr<Remains> WebSocketWire::remains() {
  return goodbye_ && connection_ ? std::make_unique<Goodbye>(std::move(connection_)) : nullptr;
}

void WebSocketWire::detach() {
  seal();
  connection_->loop().cancel(*this);
  SocketWire::detach();
}

std::size_t WebSocketWire::memory() const {
  return SocketWire::memory() + parser_.memory() + staged_.capacity() + start_.capacity();
}

}  // namespace valise::stream
