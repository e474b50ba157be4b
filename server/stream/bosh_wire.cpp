#include "stream/bosh_wire.hpp"

#include <utility>

#include "base/crypto.hpp"
#include "core/namespaces.hpp"
#include "xml/writer.hpp"

namespace valise::stream {
namespace ns = core::ns;
namespace {

constexpr std::size_t sid_bytes = 16;  // 128 bits of chance (XEP-0124 §19.3)
constexpr std::string_view version = "1.11";
constexpr std::pair<unsigned, unsigned> version_numbers{1, 11};
constexpr std::string_view usual_content = "text/xml; charset=utf-8";

// A stream that is over and whose client has not been told: it is with its next request.
class BoshRemains final : public Remains {
 public:
  explicit BoshRemains(std::unique_ptr<BoshLink> link) : link_(std::move(link)) { link_->on_over = &over; }

 private:
  std::unique_ptr<BoshLink> link_;
};

}  // namespace

// ---- where they are

BoshLink* BoshHost::find(const std::string& sid) const {
  const auto found = links_.find(sid);
  return found == links_.end() ? nullptr : found->second;
}

BoshHost& BoshDirectory::host_of(const net::Loop& loop) {
  for (auto* host : hosts_) {
    if (&host->loop() == &loop) return *host;
  }
  return *hosts_.front();
}

void BoshDirectory::put(const std::string& sid, Entry entry) {
  const std::lock_guard lock(mutex_);
  entries_[sid] = std::move(entry);
}

void BoshDirectory::remove(const std::string& sid) {
  const std::lock_guard lock(mutex_);
  entries_.erase(sid);
}

std::optional<BoshDirectory::Entry> BoshDirectory::find(const std::string& sid) const {
  const std::lock_guard lock(mutex_);
  const auto found = entries_.find(sid);
  return found == entries_.end() ? std::nullopt : std::optional(found->second);
}

void BoshDirectory::reach(const std::string& sid, Work work) {
  const auto entry = find(sid);
  if (!entry) return work(nullptr);
  auto& host = *hosts_[entry->shard];
  if (host.loop().is_current()) {
    if (auto* link = host.find(sid)) return work(link);
  }
  host.loop().post([this, &host, sid, work = std::move(work)]() mutable {
    if (auto* link = host.find(sid)) return work(link);
    reach(sid, std::move(work));  // it is on its way here, or went on
  });
}

// ---- the link

BoshLink::BoshLink(BoshDirectory& directory, BoshHost& host, BoshBeginning beginning, http::Exchange exchange)
    : directory_(directory),
      host_(&host),
      sid_(crypto::random_hex(sid_bytes)),
      first_(std::move(beginning.body)),
      content_type_(first_.content.empty() ? usual_content : first_.content),
      origin_(std::move(beginning.origin)),
      session_(*this, beginning.terms, first_, tickets_, host.loop().now_ms()),
      timer_([](void* self) { static_cast<BoshLink*>(self)->on_turn_end(); }, this) {
  exchanges_.emplace(tickets_, std::move(exchange));
  host_->add(sid_, *this);
  directory_.put(sid_, {host_->shard(), false, origin_});
  host_->loop().enqueue(*this);
}

BoshLink::~BoshLink() {
  timer_.cancel();
  host_->loop().cancel(*this);
  host_->remove(sid_);
  directory_.remove(sid_);
}

std::int64_t BoshLink::now() const { return host_->loop().now_ms(); }

std::size_t BoshLink::memory() const noexcept { return sizeof *this + session_.memory() + staged_.capacity(); }

void BoshLink::header(const BoshBody& body) {
  expects_open_ = false;
  xml::StreamHeader header;
  header.name = header.stream_prefix = "stream";
  header.ns = ns::stream;
  header.content_ns = ns::client;
  header.to = body.to;
  header.from = body.from;
  header.lang = body.lang;
  header.version = body.version.empty() ? "1.0" : body.version;  // XEP-0206 §13: its default
  events_->on_header(header);
}

void BoshLink::begin() {
  events_->on_read(first_.bytes);
  header(first_);
  hand_up(std::exchange(first_.payloads, {}));
}

void BoshLink::take(BoshBody body, http::Exchange exchange) {
  const auto ticket = ++tickets_;
  exchanges_.emplace(ticket, std::move(exchange));
  const bool heard = !ending_ && !told_;
  if (heard) events_->on_read(body.bytes);
  session_.take(std::move(body), ticket, now());
  if (heard && !told_) events_->on_parsed();
  host_->loop().enqueue(*this);
}

void BoshLink::on_request(BoshBody body) {
  for (auto& part : parts_) part.done = part.done || part.lost;  // who asks on has them, or does without
  count_sent();
  if (body.restart) {  // XEP-0206 §6: what else is in it is ignored
    if (expects_open_) header(body);
    return;
  }
  hand_up(std::move(body.payloads));
  if (body.type == "terminate" && !ending_ && !told_) events_->on_end();
}

void BoshLink::hand_up(std::vector<BoshBody::Payload> payloads) {
  for (auto& payload : payloads) {
    if (ending_ || told_) return;
    if (expects_open_) return events_->on_fault({"bad-format", "the stream is to be restarted first"});
    if (const auto* oversized = std::get_if<xml::OversizedStanza>(&payload)) {
      events_->on_oversized(*oversized);
    } else if (events_->on_stanza(std::move(std::get<xml::DocumentPtr>(payload))) == xml::ParserAction::restart) {
      expects_open_ = true;
    }
  }
}

void BoshLink::on_answer(BoshSession::Ticket ticket, unsigned status, std::string body, std::size_t payload) {
  auto exchange = exchanges_.extract(ticket);
  if (exchange.empty()) return;
  http::Response response;
  response.status = status;
  response.content_type = content_type_;
  response.body = std::move(body);
  response.fields.emplace_back("Cache-Control", "no-store");
  if (payload == 0) return exchange.mapped().answer(std::move(response));
  parts_.push_back({ticket, payload});
  exchange.mapped().answer(std::move(response), [directory = &directory_, sid = sid_, ticket](bool whole) {
    directory->reach(sid, [ticket, whole](BoshLink* link) {
      if (link != nullptr) link->written(ticket, whole);
    });
  });
}

void BoshLink::written(BoshSession::Ticket ticket, bool whole) {
  for (auto& part : parts_) {
    if (part.ticket == ticket) (whole ? part.done : part.lost) = true;
  }
  count_sent();
}

void BoshLink::count_sent() {
  const auto before = sent_;
  while (!parts_.empty() && parts_.front().done) {
    sent_ += parts_.front().bytes;
    parts_.pop_front();
  }
  if (sent_ != before && !told_) events_->on_sent();
}

void BoshLink::on_lost() {
  timer_.cancel();
  if (!told_ && !ending_) return tell(net::CloseReason::by_peer);
  if (told_ && on_over != nullptr && *on_over) (*on_over)();
}

void BoshLink::tell(net::CloseReason reason) {
  if (std::exchange(told_, true)) return;
  events_->on_closed(reason);
}

void BoshLink::on_turn_end() {
  seal();
  if (!told_ && queued() > events_->queue_limit()) return abort(net::CloseReason::overflow);
  session_.settle(now());
  if (ending_ && !told_) tell(net::CloseReason::by_us);
  arm();
}

void BoshLink::arm() {
  if (session_.over()) return timer_.cancel();
  host_->loop().timers().arm(timer_, now(), std::max<std::int64_t>(1, session_.due_ms() - now()));
}

// ---- to the client

// XEP-0124 §7.2, XEP-0206 §5: once; a restart has no header of its own.
void BoshLink::open(const StreamOpening& opening) {
  if (std::exchange(opened_, true)) return;
  const auto& terms = session_.terms();
  std::string out = " xmlns:xmpp='urn:xmpp:xbosh'";
  const auto say = [&](std::string_view name, std::string_view value) {
    out += ' ';
    out += name;
    out += "='";
    xml::append_escaped_attribute(out, value);
    out += '\'';
  };
  say("sid", sid_);
  say("wait", std::to_string(terms.wait_s));
  say("requests", std::to_string(terms.requests()));
  say("hold", std::to_string(terms.hold));
  say("inactivity", std::to_string(terms.inactivity_s));
  say("polling", std::to_string(terms.polling_s));
  say("maxpause", std::to_string(terms.maxpause_s));
  if (first_.ver) {
    const auto [major, minor] = std::min(*first_.ver, version_numbers);
    say("ver", std::to_string(major) + "." + std::to_string(minor));
  } else {
    say("ver", version);
  }
  if (terms.acks) say("ack", std::to_string(first_.rid));
  say("from", opening.from);
  say("authid", opening.id);
  if (!opening.version.empty()) say("xmpp:version", opening.version);
  say("xmpp:restartlogic", "true");
  session_.say(std::move(out));
}

std::string& BoshLink::output() {
  seal();
  host_->loop().enqueue(*this);
  return staged_;
}

void BoshLink::seal() {
  if (staged_.empty()) return;
  std::string alone;
  append_alone(alone, staged_);
  staged_.clear();
  if (told_) return;
  pushed_ += alone.size();
  session_.push(alone);
}

void BoshLink::end(std::string_view condition) {
  if (std::exchange(ending_, true)) return;
  seal();
  session_.finish(condition);
  host_->loop().enqueue(*this);
}

void BoshLink::abort(net::CloseReason reason) {
  if (told_) return;
  session_.abort(reason == net::CloseReason::overflow ? "policy-violation" : "remote-connection-failed");
  timer_.cancel();
  tell(reason);
}

// ---- from the client

void BoshLink::restart() {
  expects_open_ = true;
  directory_.put(sid_, {host_->shard(), true, origin_});
}

void BoshLink::hold(bool held) {
  held_ = held;
  session_.pause(held_ || paused_, now());
  host_->loop().enqueue(*this);
}

void BoshLink::pause(bool paused) {
  paused_ = paused;
  session_.pause(held_ || paused_, now());
  host_->loop().enqueue(*this);
}

void BoshLink::detach() {
  seal();
  timer_.cancel();
  host_->loop().cancel(*this);
  host_->remove(sid_);
}

void BoshLink::attach(net::Loop& loop) {
  host_ = &directory_.host_of(loop);
  host_->add(sid_, *this);
  directory_.put(sid_, {host_->shard(), true, origin_});
  host_->loop().enqueue(*this);
}

// ---- the wire

Result<> BoshWire::start() {
  link_->bind(events());
  return {};
}

// XEP-0206 §7. The stream's own error stands in the body.
void BoshWire::send_error(std::string_view /*condition*/, std::string_view element) {
  condition_ = "remote-stream-error";
  send(element);
}

std::size_t BoshWire::queued() {
  if (!link_) return 0;
  link_->seal();
  return link_->queued();
}

void BoshWire::pause_reading() {
  if (link_) link_->pause(true);
}

void BoshWire::resume_reading() {
  if (link_) link_->pause(false);
}

void BoshWire::close_after_flush() {
  if (link_) link_->end(condition_);
}

void BoshWire::close_now(net::CloseReason reason) {
  if (link_) link_->abort(reason);
}

std::unique_ptr<Remains> BoshWire::remains() {
  return link_ && link_->ending() && !link_->over() ? std::make_unique<BoshRemains>(std::move(link_)) : nullptr;
}

Result<> BoshWire::attach(net::Loop& loop) {
  link_->attach(loop);
  return {};
}

}  // namespace valise::stream
