#include "stream/live_session.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/clock.hpp"
#include "base/crypto.hpp"
#include "base/fault.hpp"
#include "core/delay.hpp"
#include "core/namespaces.hpp"
#include "core/shard.hpp"
#include "stream/host.hpp"
#include "stream/management.hpp"
#include "xml/writer.hpp"

namespace valise::stream {
namespace ns = core::ns;
namespace {

// <r/> goes behind so many stanzas, or when so much time has passed since one: not behind each, and only one at a time
// (XEP-0198 §9.2).
constexpr std::size_t ask_after = 8;
constexpr std::int64_t ask_late_ms = 1'000;
// What a client is sent in one go may be more than limits.unacknowledged (a thousand contacts are there when it comes):
// so many times as much, and then it has timeouts.answer to come below.
constexpr std::size_t most_times = 10;
constexpr std::size_t origin_bytes = 1'024;  // what Session::origin takes, about
// What waited for a connection goes in slices, each behind the acknowledgement of the last: the connection's own queue
// is for a client that reads slowly (limits.queue).
constexpr std::size_t slice_bytes = 131'072;

bool has_delay(const Outbound& outbound) {
  const auto& stanza = *outbound.stanza;
  return outbound.extra.find(ns::delay) != std::string::npos || stanza.children.find(ns::delay) != std::string::npos ||
         stanza.child("delay", ns::delay);
}

}  // namespace

LiveSession::LiveSession(StreamHost& host, std::uint64_t id, core::Jid jid, core::Account& account, Carrier& carrier)
    : host_(host), carrier_(&carrier), session_(id, std::move(jid), account, *this) {}

LiveSession::~LiveSession() { finish(); }

std::size_t LiveSession::own_memory() const noexcept {
  auto bytes = sizeof *this + origin_bytes + (session_.presence ? session_.presence->memory() : 0);
  if (managed_) bytes += sizeof(Managed) + managed_->outbound.bytes() + managed_->inbound.open() / 8;
  return bytes;
}

// ---- to the client

void LiveSession::deliver(const core::StanzaPtr& stanza, const core::Jid* to, std::string_view extra) {
  if (ended_ || (session_.outlet != nullptr && session_.outlet->keeps(stanza, to, extra))) return;
  send(stanza, to, extra, nullptr);
}

bool LiveSession::entrust(const core::StanzaPtr& stanza, std::string_view extra, core::Custody& custody) {
  if (ended_) return false;
  if (session_.outlet != nullptr) session_.outlet->release();
  send(stanza, nullptr, extra, managed_ ? &custody : nullptr);
  return managed_ != nullptr;
}

void LiveSession::send(const core::StanzaPtr& stanza, const core::Jid* to, std::string_view extra,
                       core::Custody* custody) {
  if (ended_) return;
  if (to == nullptr && !stanza->to) to = &session_.jid;
  if (!managed_) {
    if (carrier_ != nullptr) stanza->append(carrier_->output(), to, extra);
    return;
  }
  auto& outbound = managed_->outbound;
  const auto address = to == nullptr   ? Outbound::To::stanzas_own
                       : to->is_bare() ? Outbound::To::account
                                       : Outbound::To::session;
  outbound.push(
      {.stanza = stanza, .extra = std::string(extra), .custody = custody, .since_ms = utc_now_ms(), .to = address},
      carrier_ == nullptr);
  const bool is_next = outbound.unacknowledged() + 1 == outbound.size();
  if (carrier_ != nullptr && is_next) transmit(*outbound.send_next(), false);
  look_at_queue();
}

void LiveSession::transmit(const Outbound& outbound, bool late) {
  const auto* to = outbound.to == Outbound::To::session   ? &session_.jid
                   : outbound.to == Outbound::To::account ? &session_.account.jid
                                                          : nullptr;
  const auto& stanza = *outbound.stanza;
  const bool stamped = late && stanza.kind != core::Kind::iq && !has_delay(outbound);
  if (!stamped) return stanza.append(carrier_->output(), to, outbound.extra);
  stanza.append(carrier_->output(), to, outbound.extra + core::delay(session_.account.jid.domain(), outbound.since_ms));
}

void LiveSession::send_waiting() {
  auto& outbound = managed_->outbound;
  const auto before = carrier_->output().size();
  while (!outbound.all_sent() && carrier_->output().size() - before < slice_bytes) {
    transmit(*outbound.send_next(), true);
  }
  if (!outbound.all_sent()) ask();
}

void LiveSession::when_sent(core::Departure& waiting) {
  const bool goes = !ended_ && carrier_ != nullptr && (!managed_ || managed_->outbound.all_sent());
  if (!goes) return waiting.departed(false);
  carrier_->when_sent(waiting);
}

std::vector<std::uint64_t> LiveSession::held_rows() const {
  std::vector<std::uint64_t> rows;
  if (!managed_) return rows;
  managed_->outbound.each([&](const Outbound& one) {
    if (const auto row = one.custody == nullptr ? 0 : one.custody->row()) rows.push_back(row);
  });
  return rows;
}

std::size_t LiveSession::held_news() const {
  std::size_t news = 0;
  if (!managed_) return news;
  managed_->outbound.each([&](const Outbound& one) { news += one.custody != nullptr && one.custody->tells() ? 1 : 0; });
  return news;
}

// ---- what is asked of the client

bool LiveSession::holds_more_than(std::size_t times) const {
  const auto& settings = host_.shard().settings();
  const auto& outbound = managed_->outbound;
  return outbound.size() > times * settings.max_unacknowledged ||
         outbound.bytes() > times * settings.max_unacknowledged_bytes;
}

void LiveSession::look_at_queue() {
  auto& m = *managed_;
  if (carrier_ == nullptr) {
    if (holds_more_than(1)) end_soon();
    return;
  }
  if (holds_more_than(1)) {
    if (holds_more_than(most_times)) return end_soon();
    if (m.over) return;
    m.over = true;
    ask();
    return arm(host_.shard().settings().answer_timeout_ms);
  }
  const auto open = m.outbound.unacknowledged();
  if (std::exchange(m.over, false) || open == 0) m.timer.cancel();
  if (m.asked || open == 0) return;
  if (open >= ask_after) return ask();
  if (!m.timer.armed()) arm(ask_late_ms);
}

void LiveSession::ask() {
  if (std::exchange(managed_->asked, true)) return;
  if (!managed_->over) managed_->timer.cancel();
  carrier_->output() += "<r xmlns='urn:xmpp:sm:3'/>";
}

bool LiveSession::heard(std::uint32_t h) {
  if (!managed_) return true;
  std::vector<core::Custody*> received;
  if (managed_->outbound.acknowledge(h, received) == OutboundQueue::Answer::too_high) return false;
  managed_->asked = false;
  if (carrier_ != nullptr) send_waiting();
  for (auto* custody : received) custody->settled(true);
  if (!ended_ && carrier_ != nullptr) look_at_queue();
  return true;
}

// Not at once: whoever delivers to many sessions goes on with the next.
void LiveSession::end_soon() {
  if (std::exchange(managed_->ending, true)) return;
  auto& shard = host_.shard();
  shard.post([&shard, account = session_.account.jid, id = session_.id] {
    auto* home = shard.find_account(account.bare());
    auto* session = home == nullptr ? nullptr : home->find_id(id);
    if (session != nullptr) session->stream.end("policy-violation", "too much was sent and not acknowledged");
  });
}

std::uint32_t LiveSession::sent_count() const noexcept { return managed_ ? managed_->outbound.sent_count() : 0; }

// ---- what the client asks

std::string LiveSession::enable(xml::Element request) {
  if (managed_) return failed("unexpected-request");
  std::optional<std::uint32_t> max;
  if (const auto wish = request.attribute("max")) {
    max = parse_count(*wish);
    if (!max || *max == 0) return failed("bad-request");
  }
  const auto wish = request.attribute_or_empty("resume");
  managed_ = std::make_unique<Managed>(*this);
  std::string out;
  xml::Writer writer(out);
  writer.open("enabled", ns::stream_management);
  const auto& settings = host_.shard().settings();
  auto window_s = settings.resumption_ms / 1000;
  if (max) window_s = std::min<std::int64_t>(window_s, *max);
  if ((wish == "true" || wish == "1") && window_s > 0) {
    // 128 bits of chance: nobody guesses it.
    std::ranges::copy(crypto::random_hex(managed_->id.size() / 2), managed_->id.begin());
    managed_->window_ms = window_s * 1000;
    writer.attribute("id", resumption_id()).attribute("resume", "true").attribute("max", std::to_string(window_s));
    const auto* host = settings.host(session_.jid.domain());
    if (host != nullptr && !host->resume_location.empty()) writer.attribute("location", host->resume_location);
  }
  writer.close();
  return out;
}

std::uint64_t LiveSession::received() { return managed_ ? managed_->inbound.received() : 0; }

void LiveSession::requested() {
  if (!managed_) return;
  managed_->inbound.requested();
  answer_request();
}

void LiveSession::acknowledge(std::uint64_t number) {
  if (!managed_ || number == 0) return;
  managed_->inbound.handled(number);
  answer_request();
  if (all_handled()) tell_awaiting();
}

void LiveSession::answer_request() {
  if (carrier_ == nullptr || !managed_->inbound.answer_due()) return;
  carrier_->output() += "<a xmlns='urn:xmpp:sm:3' h='" + std::to_string(managed_->inbound.h()) + "'/>";
  VALISE_FAULT("ack.queued.after");
}

// ---- connections come and go

std::string_view LiveSession::resumption_id() const noexcept {
  return resumable() ? std::string_view(managed_->id.data(), managed_->id.size()) : std::string_view();
}

std::uint32_t LiveSession::h() const noexcept { return managed_ ? managed_->inbound.h() : 0; }

std::uint64_t LiveSession::awaited_by(std::uint64_t stream_number) {
  return std::exchange(managed_->awaited_by, stream_number);
}

void LiveSession::tell_awaiting() {
  if (managed_->awaited_by == 0) return;
  // At the end of the turn: who handles a stanza here is in the middle of something.
  if (auto* stream = host_.find(awaited_by(0))) host_.defer(*stream, [](C2s& waits) { waits.resume_ready(); });
}

void LiveSession::detach() {
  carrier_ = nullptr;
  managed_->timer.cancel();
  managed_->inbound.rest();
  managed_->asked = managed_->over = false;
  // What was parsed is a third of what it takes; where it waits for its client as well, it is there anyway.
  if (session_.presence && managed_->outbound.size() == 0) {
    session_.presence = core::without_document(session_.presence);
  }
  host_.shard().session_detached(session_);
}

void LiveSession::strand() {
  std::vector<core::Custody*> custodies;
  managed_->outbound.each([&](const Outbound& one) {
    if (one.custody != nullptr) custodies.push_back(one.custody);
  });
  for (auto* custody : custodies) custody->stranded();
  if (!ended_ && carrier_ == nullptr) look_at_queue();
}

void LiveSession::begin_to_wait(std::uint64_t place) {
  managed_->place = place;
  arm(managed_->window_ms);
}

void LiveSession::resume(Carrier& carrier, std::uint32_t h) {
  std::vector<core::Custody*> received;
  (void)managed_->outbound.acknowledge(h, received);
  carrier_ = &carrier;
  managed_->timer.cancel();
  managed_->outbound.rewind();
  send_waiting();
  for (auto* custody : received) custody->settled(true);
  host_.shard().session_resumed(session_);
  if (!ended_ && carrier_ != nullptr) look_at_queue();
}

void LiveSession::arm(std::int64_t delay_ms) {
  auto& loop = host_.shard().loop();
  loop.timers().arm(managed_->timer, loop.now_ms(), delay_ms);
}

void LiveSession::on_timer() {
  if (carrier_ == nullptr) return end({}, {});  // nobody came back
  if (managed_->over) return end("policy-violation", "too much was sent and not acknowledged");
  if (managed_->outbound.unacknowledged() > 0) ask();
}

// ---- the end

void LiveSession::end(std::string_view condition, std::string_view text) {
  if (ended_) return;
  if (carrier_ != nullptr) return carrier_->end(condition, text);
  finish();
  host_.bury(host_.hibernation().take(*this));
}

void LiveSession::finish() {
  if (std::exchange(ended_, true)) return;
  carrier_ = nullptr;
  auto& shard = host_.shard();
  core::audit::Record record;
  record.kind = core::audit::Kind::logout;
  record.origin = session_.origin;
  shard.record(std::move(record));
  shard.close_session(session_);
  if (!managed_) return;
  managed_->timer.cancel();
  if (resumable()) host_.hibernation().remember(std::string(resumption_id()), session_.account.jid.str(), h());
  give_back(managed_->outbound.take_all());
  tell_awaiting();
}

// XEP-0198 §4: as for a resource that is not there. Messages know themselves where to go; who asked gets an error;
// presence and answers mean nothing any more.
void LiveSession::give_back(std::vector<Outbound> left) {
  for (auto& one : left) {
    if (one.custody != nullptr) {
      one.custody->settled(false);
    } else if (one.stanza->kind == core::Kind::iq && (one.stanza->type == "get" || one.stanza->type == "set") &&
               one.stanza->from.has_local()) {
      host_.shard().route_error(*one.stanza, core::service_unavailable, session_.language);
    }
  }
}

}  // namespace valise::stream
