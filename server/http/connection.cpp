#include "http/connection.hpp"

#include "base/log.hpp"
#include "http/server.hpp"

namespace valise::http {
namespace {
constexpr std::size_t read_ahead = 65'536;  // bytes behind a request that is being answered
}  // namespace

ServerConnection::ServerConnection(Server& server, std::uint64_t its_id, net::Accepted accepted, bool tls, bool counted)
    : id(its_id),
      server_(server),
      connection_(std::make_unique<net::Connection>(server.loop_, *this, accepted.fd, std::move(accepted.address),
                                                    accepted.port)),
      tls_(tls),
      counted_(counted),
      timer_([](void* self) { static_cast<ServerConnection*>(self)->on_timer(); }, this) {}

ServerConnection::~ServerConnection() {
  gone();
  if (connection_ && counted_) server_.door_.left(connection_->peer_address());
}

Result<> ServerConnection::start(SSL* ssl) {
  auto started = connection_->start();
  if (!started) return started;
  arm(server_.settings().tls_timeout_ms);
  if (ssl != nullptr) {
    connection_->secure(net::tls_transport(ssl, connection_->descriptor()));
  } else {
    state_ = State::idle;
  }
  return {};
}

void ServerConnection::arm(std::int64_t delay_ms) {
  server_.loop_.timers().arm(timer_, server_.loop_.now_ms(), delay_ms);
}

void ServerConnection::on_secured() {
  state_ = State::idle;
  arm(server_.settings().request_timeout_ms);  // who opens a connection has something to ask
}

void ServerConnection::on_timer() {
  if (state_ == State::request) return refuse(408);
  connection_->close_now(net::CloseReason::by_us);
}

bool ServerConnection::on_bytes(std::string_view bytes) {
  if (state_ == State::ending) return true;
  input_ += bytes;
  if (state_ == State::answering) {
    if (input_.size() > read_ahead) connection_->pause_reading();
    return true;
  }
  auto* before = connection_.get();
  read_requests();
  return connection_.get() == before && !connection_->closed();
}

// Not by recursion: an answer that is there at once leads back here.
void ServerConnection::read_requests() {
  if (reading_requests_) return;
  reading_requests_ = true;
  while (connection_ && !connection_->closed() && !input_.empty() &&
         (state_ == State::idle || state_ == State::request)) {
    if (!parser_) parser_ = std::make_unique<RequestParser>();
    const auto had_head = state_ == State::request && !parser_->request().path.empty();
    const auto state = parser_->feed(input_);
    if (!state) {
      refuse(state.error());
      break;
    }
    if (parser_->begun() && state_ == State::idle) {
      state_ = State::request;
      arm(server_.settings().request_timeout_ms);
    }
    if (*state == RequestParser::State::head) break;
    if (!had_head && !take_head()) break;
    if (*state == RequestParser::State::body) {
      if (input_.empty() || had_head) break;
      continue;
    }
    auto request = parser_->take();
    parser_.reset();
    dispatch(std::move(request));
  }
  reading_requests_ = false;
}

// What can be refused before the body is read. False: it was.
bool ServerConnection::take_head() {
  const auto& request = parser_->request();
  version_ = request.version;
  head_ = request.method == Method::head;
  route_ = server_.router_.find(request.path);
  parser_->limit_body(route_ == nullptr ? 0 : route_->longest_body);
  std::size_t length = 0;
  for (const char c : request.field("content-length")) {
    length = std::min<std::size_t>(length * 10 + static_cast<std::size_t>(c - '0'), std::size_t{1} << 40);
  }
  if (length > (route_ == nullptr ? 0 : route_->longest_body)) {
    refuse(route_ == nullptr ? 404 : 413);
    return false;
  }
  if (parser_->expects_continue() && input_.empty() && length > 0) {
    connection_->send("HTTP/1.1 100 Continue\r\n\r\n");
  }
  return true;
}

void ServerConnection::refuse(unsigned status) { respond(plain(status), version_, false, false); }

void ServerConnection::respond(const Response& response, unsigned version, bool keep_alive, bool head) {
  if (!connection_ || connection_->closed()) return;
  std::string out;
  append_response(out, response, version, keep_alive, head);
  connection_->send(out);
  if (keep_alive) {
    state_ = State::idle;
    arm(server_.settings().idle_timeout_ms);
    connection_->resume_reading();
  } else {
    state_ = State::ending;
    timer_.cancel();
    connection_->close_after_flush();
  }
}

// Whose request it is. False: it was refused.
bool ServerConnection::identify(Request& request) {
  const auto& settings = server_.settings();
  request.client_address = connection_->peer_address();
  request.client_port = connection_->peer_port();
  if (!settings.proxies.contains(request.client_address)) {
    if (tls_) return true;
    refuse(403);  // a reload has struck the proxy off
    return false;
  }
  const auto scheme = scheme_of(request, settings.proxy_field);
  if (!tls_ && !scheme.empty() && scheme != "https") {  // RFC 7395 §6, XEP-0124 §19.1: nothing in the clear
    log::info("http", "{}: a client came to the proxy without TLS and is refused", request.client_address);
    refuse(403);
    return false;
  }
  request.proxied = true;
  if (auto client = client_of(request, settings.proxy_field, settings.proxies)) {
    request.client_address = std::move(*client);
    request.client_port = 0;
  }
  return true;
}

void ServerConnection::dispatch(Request request) {
  state_ = State::answering;
  timer_.cancel();
  keep_alive_ = request.keep_alive && !server_.stopping_;
  if (!identify(request)) return;
  const auto origin_field = request.field("origin");
  origin_ = origin_field;
  if (route_ == nullptr) return answer(plain(404), {});
  if (route_->cors == Cors::allowed && !origin_.empty() && !server_.settings().allows(origin_)) {
    return answer(plain(403, "This origin may not use this service."), {});
  }
  if (request.method == Method::options) {
    Response preflight;
    preflight.status = 204;
    preflight.fields.emplace_back("Allow", methods_of(*route_));
    if (route_->cors != Cors::nobody && !origin_.empty()) {
      preflight.fields.emplace_back("Access-Control-Allow-Methods", methods_of(*route_));
      preflight.fields.emplace_back("Access-Control-Allow-Headers", "Content-Type");
      preflight.fields.emplace_back("Access-Control-Max-Age", "7200");
    }
    return answer(std::move(preflight), {});
  }
  if (!takes(*route_, request.method)) {
    auto wrong = plain(405);
    wrong.fields.emplace_back("Allow", methods_of(*route_));
    return answer(std::move(wrong), {});
  }
  route_->handler(Exchange(server_.loop_, server_, id, std::move(request)));
}

void ServerConnection::answer(Response response, Exchange::Written written) {
  if (state_ != State::answering || !connection_ || connection_->closed()) {
    if (written) written(false);
    return;
  }
  if (route_ != nullptr && route_->cors == Cors::anyone) {
    response.fields.emplace_back("Access-Control-Allow-Origin", "*");
  } else if (route_ != nullptr && route_->cors == Cors::allowed && server_.settings().origins.contains("*")) {
    response.fields.emplace_back("Access-Control-Allow-Origin", "*");
  } else if (route_ != nullptr && route_->cors == Cors::allowed && server_.settings().allows(origin_)) {
    response.fields.emplace_back("Access-Control-Allow-Origin", origin_);
    response.fields.emplace_back("Vary", "Origin");
  }
  const bool keep_alive = keep_alive_ && !server_.stopping_;
  respond(response, version_, keep_alive, head_);
  if (written) leaving_.push_back({connection_->sent() + connection_->queued(), std::move(written)});
  if (connection_ && state_ == State::idle && !input_.empty() && !reading_requests_) {
    server_.loop_.post([server = &server_, number = id] {  // behind this turn: others have theirs first
      if (auto* one = server->find(number)) one->read_requests();
    });
  }
}

std::size_t ServerConnection::queue_limit() { return server_.settings().queue_bytes; }

void ServerConnection::on_sent() {
  while (!leaving_.empty() && connection_ && connection_->sent() >= leaving_.front().end) {
    auto written = std::move(leaving_.front().written);
    leaving_.pop_front();
    written(true);
  }
}

void ServerConnection::gone() {
  timer_.cancel();
  for (auto& [end, written] : std::exchange(leaving_, {})) written(connection_ && connection_->sent() >= end);
}

void ServerConnection::on_closed(net::CloseReason reason) {
  if (reason == net::CloseReason::error && state_ == State::handshake) {
    log::debug("http", "{}: TLS did not come about: {}", connection_->peer_address(), connection_->transport_error());
  }
  state_ = State::ending;
  gone();
  server_.bury(id);
}

void ServerConnection::drop() {
  if (connection_) connection_->close_now(net::CloseReason::by_us);
}

Upgraded ServerConnection::upgrade() {
  if (state_ != State::answering || !connection_ || connection_->closed()) return {};
  state_ = State::ending;
  timer_.cancel();
  Upgraded out{std::move(connection_), std::move(input_)};
  server_.bury(id);
  return out;
}

void ServerConnection::shut_down() {
  if (!connection_ || (state_ != State::idle && state_ != State::handshake)) return;
  if (connection_->queued() == 0) return connection_->close_now(net::CloseReason::by_us);
  state_ = State::ending;
  timer_.cancel();
  connection_->close_after_flush();  // an answer is on its way
}

}  // namespace valise::http
