#include "stream/c2s.hpp"

#include <limits>

#include "base/clock.hpp"
#include "base/log.hpp"
#include "core/namespaces.hpp"
#include "stream/host.hpp"
#include "xml/writer.hpp"

namespace valise::stream {
namespace ns = core::ns;
namespace {
constexpr std::int64_t quiet_ms = 1'000;       // then a session gives its parser back
constexpr std::size_t login_exchange = 2'048;  // bytes that a log-in under way holds, about
}  // namespace

C2s::C2s(StreamHost& host, std::uint64_t stream_number, std::unique_ptr<Wire> wire, bool direct_tls)
    : number(stream_number),
      host_(&host),
      wire_(std::move(wire)),
      connection_(*wire_),
      direct_tls_(direct_tls),
      timer_([](void* self) { static_cast<C2s*>(self)->on_timer(); }, this),
      resume_([](void* self) { static_cast<C2s*>(self)->connection_.resume_reading(); }, this),
      opened_ms_(host.shard().loop().now_ms()),
      last_read_ms_(opened_ms_) {
  connection_.bind(*this);
  lingering_ = true;
  host.shard().kernel().stats.unauthenticated.fetch_add(1, std::memory_order_relaxed);
  host.shard().kernel().stats.connections.fetch_add(1, std::memory_order_relaxed);
}

C2s::~C2s() {
  close_session();
  give_back();
  auto& stats = host_->shard().kernel().stats;
  if (lingering_) stats.unauthenticated.fetch_sub(1, std::memory_order_relaxed);
  stats.connections.fetch_sub(1, std::memory_order_relaxed);
  host_->gate().left(connection_.peer_address(), host_->shard().loop().now_ms());
}

core::Shard& C2s::shard() { return host_->shard(); }

Result<> C2s::start() {
  auto started = connection_.start();
  if (!started) return started;
  if (connection_.secured()) {  // TLS, here or at the proxy, was there before the stream
    state_ = State::secured;
    begin_phase(shard().settings().login_timeout_ms);
    return {};
  }
  begin_phase(shard().settings().tls_timeout_ms);
  if (direct_tls_) {
    auto* ssl = host_->new_tls(domain_);
    if (ssl == nullptr) return fail(ErrorCode::unavailable, "no certificate for direct TLS");
    connection_.secure(ssl, false);
  }
  return {};
}

// ---- what comes in

void C2s::on_read(std::size_t bytes) {
  const auto& settings = shard().settings();
  last_read_ms_ = shard().loop().now_ms();
  pinged_ = false;
  const bool logged_in = state_ == State::bound;
  const auto pause = rate_.charge(
      last_read_ms_, static_cast<std::int64_t>(bytes),
      logged_in ? own_or(pace_.bytes_per_second, settings.bytes_per_second) : settings.bytes_per_second_before_login,
      logged_in ? own_or(pace_.burst_bytes, settings.burst_bytes) : 65'536);
  connection_.set_limits(logged_in ? settings.limits : settings.limits_before_login);  // a reload moves them
  pause_for(pause);
}

void C2s::pause_for(std::int64_t ms) {
  if (ms <= 0) return;
  connection_.pause_reading();
  shard().loop().timers().arm(resume_, shard().loop().now_ms(), std::min<std::int64_t>(ms, 10'000));
}

std::size_t C2s::kept_before_login() const noexcept {
  return sizeof *this + connection_.used() + domain_.size() + lang_.size() + header_from_.size();
}

// limits.queue counts what is kept for bytes that did not leave, too: so a session that does not read costs no more.
std::size_t C2s::queue_limit() {
  const auto& settings = shard().settings();
  if (lingering_) return settings.memory_before_login - std::min(kept_before_login(), settings.memory_before_login);
  return settings.queue_bytes - std::min(departures_.stuck(), settings.queue_bytes);
}

void C2s::on_parsed() {
  if (lingering_ && !connection_.closed() && used_before_login() > shard().settings().memory_before_login) {
    connection_.flush();  // it may read what it asks for
    if (!connection_.closed() && used_before_login() > shard().settings().memory_before_login) {
      return cut("policy-violation", "this takes too much memory before log-in");
    }
  }
  if (state_ == State::ending || connection_.closed() || moving_) return;
  if (!connection_.in_stanza()) {
    stanza_since_ms_ = 0;
  } else if (stanza_since_ms_ == 0) {
    stanza_since_ms_ = last_read_ms_;
    arm_within(stanza_limit_ms());
  }
  if (state_ == State::bound) arm_within(quiet_ms);
}

void C2s::on_secured() {
  state_ = State::secured;
  domain_.clear();  // RFC 6120 §5.4.3.3: nothing is kept of what was said in the clear
  header_from_.clear();
  connection_.restart(shard().settings().limits_before_login);
  header_sent_ = false;
  stanza_since_ms_ = 0;
  begin_phase(shard().settings().login_timeout_ms - (shard().loop().now_ms() - opened_ms_));
}

void C2s::on_closed(net::CloseReason reason) {
  if (reason == net::CloseReason::error && !connection_.secured()) {
    log::debug("c2s", "{}: TLS did not come about: {}", connection_.peer_address(), connection_.transport_error());
  }
  if (reason == net::CloseReason::overflow) {
    log::info("c2s", "{}: closed, it reads too slowly", connection_.peer_address());
  }
  state_ = State::ending;
  timer_.cancel();
  resume_.cancel();
  login_.reset();
  resumption_.reset();
  // XEP-0198 §7: no </stream:stream>, no end; but nobody comes back to what he was not told of.
  auto* kept = live_ && live_->resumable() && !over_ && !asked_ ? let_go() : nullptr;
  close_session();
  asked_.reset();
  give_back();
  if (kept != nullptr) kept->strand();
  host_->keep(connection_.remains());
  host_->bury(*this);
}

// ---- the stream

// RFC 6120 §4.9.
void C2s::stream_error(std::string_view condition, std::string_view text, std::string_view more) {
  if (state_ == State::ending) return;
  send_header();
  std::string out;
  xml::Writer(out)
      .open("stream:error")
      .element(condition, ns::stream_errors)
      .open("text", ns::stream_errors)
      .attribute("xml:lang", "en")
      .text(text)
      .close()
      .raw(more)
      .close();
  connection_.send_error(condition, out);
  end({}, {});
}

void C2s::end(std::string_view condition, std::string_view text) {
  if (!condition.empty()) return stream_error(condition, text);
  if (state_ == State::ending) return;
  over_ = true;
  if (header_sent_) connection_.end_stream();
  if (!departures_.empty()) connection_.flush();
  if (connection_.closed()) return;
  state_ = State::ending;
  timer_.cancel();
  resume_.cancel();
  login_.reset();
  close_session();
  // A message that the peer does not take goes elsewhere, now and in order: then it must not leave here as well.
  if (!departures_.empty()) return connection_.close_now(net::CloseReason::by_us);
  connection_.close_after_flush();
}

void C2s::cut(std::string_view condition, std::string_view text) {
  end(condition, text);
  connection_.flush();
  connection_.close_now(net::CloseReason::by_us);
}

void C2s::on_end() { end({}, {}); }

xml::ParserAction C2s::on_stanza(xml::DocumentPtr stanza) {
  if (state_ == State::ending) return xml::ParserAction::go_on;
  stanza_since_ms_ = 0;
  const auto root = stanza->root();
  if (root.is("error", ns::stream)) {  // RFC 6120 §4.9.1.1: the client ends it, and is not told that it does
    end({}, {});
    return xml::ParserAction::go_on;
  }
  if (root.ns() == "jabber:server") {  // §4.8.3
    stream_error("invalid-namespace", "this is a stream for 'jabber:client'");
    return xml::ParserAction::go_on;
  }
  if (root.is("starttls", ns::tls)) {
    return ask_for_tls() ? xml::ParserAction::restart : xml::ParserAction::go_on;
  }
  if (binding_) {
    if (held_.size() >= 64) {
      stream_error("policy-violation", "too much was sent ahead");
    } else {
      held_.push_back(std::move(stanza));
    }
    return xml::ParserAction::go_on;
  }
  if (state_ == State::bound) {
    stanza_from_client(std::move(stanza));
    return xml::ParserAction::go_on;
  }
  return negotiate(root);
}

xml::ParserAction C2s::negotiate(xml::Element element) {
  using enum xml::ParserAction;
  if (state_ == State::secured && login_) {
    if (element.ns() == ns::sasl_2) {
      login_->take_2(element);
      return go_on;  // XEP-0388 §2.6.1: no stream restart
    }
    if (login_->is_exclusive()) {  // §2.4
      stream_error("policy-violation", "a log-in is under way");
      return go_on;
    }
    if (element.ns() == ns::sasl) {
      login_->take(element);
      return moving_ ? restart : go_on;
    }
  }
  if (state_ == State::authenticated && element.is("iq", ns::client)) {
    if (bind(element)) return go_on;
  }
  if (state_ == State::secured && element.is("iq", ns::client) && stranger_iq(element)) return go_on;
  if (state_ == State::plain && element.ns() == ns::sasl) {  // RFC 6120 §6.5.4
    connection_.send("<failure xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><encryption-required/></failure>");
    return go_on;
  }
  if (element.ns() == ns::stream_management && stream_management(element)) return go_on;
  if (element.ns() == ns::client) {
    stream_error("not-authorized", state_ == State::authenticated ? "bind a resource first" : "log in first");
  } else if (element.ns() == ns::sasl || element.ns() == ns::tls) {
    stream_error("unsupported-stanza-type", "this was not offered");
  } else {
    stream_error(state_ == State::authenticated ? "unsupported-stanza-type" : "not-authorized", "this was not offered");
  }
  return go_on;
}

// RFC 6120 §5.4.2: <proceed/>, or <failure/> and the end.
bool C2s::ask_for_tls() {
  if (auto* ssl = state_ == State::plain ? host_->new_tls(domain_) : nullptr) {
    connection_.secure(ssl, true);
    connection_.send("<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>");
    return true;
  }
  connection_.send("<failure xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>");
  end({}, {});
  return false;
}

void C2s::login_succeeded(LoggedIn who) {
  account_ = std::move(who.account);
  mechanism_ = who.mechanism;
  credentials_ = who.credentials;
  tags_ = std::move(who.tags);
  if (who.more) {  // what comes meanwhile waits until that is answered
    asked_ = std::make_unique<Asked>(Asked{std::move(who.more), {}, std::nullopt});
    binding_ = true;
  }
  if (lingering_) {
    lingering_ = false;
    shard().kernel().stats.unauthenticated.fetch_sub(1, std::memory_order_relaxed);
    host_->is_no_stranger(*this);
  }
  state_ = State::authenticated;
  moving_ = true;
  connection_.hold(shard().settings().limits.stanza);  // what a client sends ahead waits for the other shard
  host_->defer(*this, [](C2s& self) { self.move_home(); });
}

bool C2s::contradicts(const core::Jid& account) const {
  return !header_from_.empty() && header_from_ != account.bare();
}

void C2s::login_failed_too_often() { stream_error("policy-violation", "too many failed log-ins"); }

// ---- time

void C2s::arm(std::int64_t delay_ms) {
  due_ms_ = shard().loop().now_ms() + delay_ms;
  shard().loop().timers().arm(timer_, shard().loop().now_ms(), delay_ms);
}

void C2s::arm_within(std::int64_t delay_ms) {
  if (!timer_.armed() || due_ms_ > shard().loop().now_ms() + delay_ms) arm(delay_ms);
}

void C2s::begin_phase(std::int64_t limit_ms) {
  deadline_ms_ = shard().loop().now_ms() + std::max<std::int64_t>(1, limit_ms);
  arm(std::max<std::int64_t>(1, limit_ms));
}

std::int64_t C2s::stanza_limit_ms() {
  const auto& settings = shard().settings();
  return state_ == State::bound ? settings.stanza_timeout_ms : settings.stanza_timeout_before_login_ms;
}

void C2s::on_timer() {
  const auto& settings = shard().settings();
  const auto now = shard().loop().now_ms();
  const auto stanza_left =
      stanza_since_ms_ == 0 ? std::numeric_limits<std::int64_t>::max() : stanza_since_ms_ + stanza_limit_ms() - now;
  // §4.6.3, §4.9.3.4: connection-timeout is for who does not answer.
  if (stanza_left <= 0) return lose("policy-violation", "a stanza was begun and not ended");
  if (state_ != State::bound) {
    if (now < deadline_ms_) return arm(std::min(deadline_ms_ - now, stanza_left));
    return connection_.secured() ? stream_error("policy-violation", "log-in took too long")
                                 : connection_.close_now(net::CloseReason::by_us);
  }
  if (asked_) return answer_bound();
  const auto silent = now - last_read_ms_;
  const bool rests = silent >= quiet_ms && connection_.rest();
  if (silent >= settings.silence_ms && !pinged_) {
    pinged_ = shard().request(live_->session(), "<ping xmlns='urn:xmpp:ping'/>",
                              [self = host_->token(*this)](core::StanzaPtr answer) {
                                auto* stream = answer ? nullptr : self.get();
                                if (stream != nullptr) stream->lose("connection-timeout", "no answer to a ping");
                              });
  }
  if (rests) return arm(std::max(quiet_ms, settings.silence_ms - silent));
  arm(std::min(silent < quiet_ms ? quiet_ms - silent : 5 * quiet_ms, stanza_left));
}

std::size_t C2s::memory() const noexcept {
  auto bytes = sizeof *this + connection_.memory() + departures_.kept();
  for (const auto* text : {&domain_, &header_from_, &lang_}) bytes += text->capacity();
  for (const auto& stanza : held_) bytes += stanza->memory();
  if (login_) bytes += sizeof(Login) + login_exchange;
  if (asked_) bytes += asked_->behind_bytes;
  return bytes;
}

}  // namespace valise::stream
