#include "stream/bosh_session.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include "base/crypto.hpp"

namespace valise::stream {
namespace {

constexpr unsigned most_repeats = 10;  // §14.3: of one request

std::string lower_case(std::string_view text) {
  std::string out(text);
  for (auto& c : out) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
  return out;
}

// §17.1, for clients that named no version.
unsigned legacy_status(std::string_view condition) {
  if (condition == "bad-request") return 400;
  if (condition == "policy-violation") return 403;
  if (condition == "item-not-found") return 404;
  return 200;
}

}  // namespace

std::string bosh_terminate(std::string_view condition) {
  std::string out = "<body xmlns='http://jabber.org/protocol/httpbind' type='terminate'";
  if (!condition.empty()) out += " condition='" + std::string(condition) + "'";
  return out + "/>";
}

BoshSession::BoshSession(Events& events, const BoshTerms& terms, const BoshBody& first, Ticket ticket,
                         std::int64_t now_ms)
    : events_(events),
      terms_(terms),
      next_rid_(first.rid + 1),
      next_key_(lower_case(first.newkey)),
      quiet_since_ms_(now_ms),
      inactivity_ms_(std::int64_t{terms.inactivity_s} * 1000),
      last_request_ms_(now_ms) {
  held_.push_back({.rid = first.rid, .ticket = ticket, .since_ms = now_ms});
}

std::size_t BoshSession::memory() const noexcept {
  auto total = output_.capacity() + attributes_.capacity();
  for (const auto& one : answers_) total += one.body.capacity();
  for (const auto& [rid, one] : early_) total += one.body.bytes;
  return total;
}

// ---- requests

void BoshSession::take(BoshBody body, Ticket ticket, std::int64_t now_ms) {
  if (body.rid < next_rid_ || early_.contains(body.rid)) return repeat(body, ticket, now_ms);
  // §14.2: a window as large as the number of requests that may be open, behind the last one.
  if (over_ || body.rid >= next_rid_ + terms_.requests()) return end_with(ticket, "item-not-found");
  early_.emplace(body.rid, Early{std::move(body), ticket, now_ms});
  hand_on(now_ms);
}

// §14.3: the answer of before; where there is none yet, the request that waits goes and this one waits in its place.
void BoshSession::repeat(const BoshBody& body, Ticket ticket, std::int64_t now_ms) {
  const auto replace = [&](auto& one) {
    events_.on_answer(one.ticket, 200, "<body xmlns='http://jabber.org/protocol/httpbind' type='error'/>", 0);
    one.ticket = ticket;
    if (++one.repeats > most_repeats) fail("policy-violation");
  };
  if (const auto early = early_.find(body.rid); early != early_.end()) return replace(early->second);
  const auto held = std::ranges::find(held_, body.rid, &Held::rid);
  if (held != held_.end()) return replace(*held);
  const auto answered = std::ranges::find(answers_, body.rid, &Answered::rid);
  if (answered == answers_.end()) return end_with(ticket, "item-not-found");
  if (++answered->repeats > most_repeats) return end_with(ticket, "policy-violation");
  if (held_.empty()) quiet_since_ms_ = now_ms;
  events_.on_answer(ticket, 200, answered->body, 0);
}

void BoshSession::pause(bool paused, std::int64_t now_ms) {
  paused_ = paused;
  if (!paused_) hand_on(now_ms);
}

void BoshSession::hand_on(std::int64_t now_ms) {
  if (std::exchange(handing_, true)) return;
  while (!paused_ && !over_ && !finishing_ && !early_.empty() && early_.begin()->first == next_rid_) {
    auto one = std::move(early_.extract(early_.begin()).mapped());
    auto& body = one.body;
    if (!key_fits(body)) {
      end_with(one.ticket, "item-not-found");  // §15.4
      break;
    }
    if (too_soon(body, now_ms)) {
      end_with(one.ticket, "policy-violation");
      break;
    }
    if (body.pause && *body.pause > terms_.maxpause_s) {
      end_with(one.ticket, "policy-violation");
      break;
    }
    ++next_rid_;
    inactivity_ms_ = std::int64_t{body.pause.value_or(terms_.inactivity_s)} * 1000;
    last_request_ms_ = now_ms;
    last_was_empty_ = body.payloads.empty() && !body.restart && !body.pause && body.type.empty();
    held_.push_back({.rid = body.rid,
                     .ticket = one.ticket,
                     .since_ms = now_ms,
                     .pauses = body.pause.has_value(),
                     .repeats = one.repeats});
    events_.on_request(std::move(body));
  }
  handing_ = false;
}

// §15.4: each key's hash is the one before.
bool BoshSession::key_fits(const BoshBody& body) {
  if (next_key_.empty()) return true;
  if (crypto::hex_encode(crypto::digest(crypto::Hash::sha1, body.key)) != next_key_) return false;
  next_key_ = lower_case(body.newkey.empty() ? body.key : body.newkey);
  return true;
}

// §11, §12: an empty request on the heels of another, though nothing was answered to any, or, polling, though the
// answer held nothing.
bool BoshSession::too_soon(const BoshBody& body, std::int64_t now_ms) {
  const bool empty = body.payloads.empty() && !body.restart && !body.pause && body.type.empty();
  if (!empty || now_ms - last_request_ms_ >= std::int64_t{terms_.polling_s} * 1000) return false;
  if (terms_.hold == 0) return last_was_empty_ && held_.empty();
  return held_.size() + 1 >= terms_.requests();
}

// ---- answers

std::string BoshSession::wrapper(std::uint64_t rid, std::string_view attributes, std::string_view content) const {
  std::string out = "<body xmlns='http://jabber.org/protocol/httpbind'";
  out += attributes;
  // §9.1: the highest one that has come with all before it, unless that is the one that is answered.
  if (terms_.acks && next_rid_ - 1 != rid) out += " ack='" + std::to_string(next_rid_ - 1) + "'";
  if (content.empty()) return out + "/>";
  // XEP-0206 §3. Where stanzas stand, no other element has a prefix.
  if (content.contains("<stream:")) out += " xmlns:stream='http://etherx.jabber.org/streams'";
  out += '>';
  out += content;
  return out + "</body>";
}

void BoshSession::answer_oldest(std::int64_t now_ms) {
  const auto one = held_.front();
  held_.pop_front();
  auto content = one.pauses ? std::string() : std::exchange(output_, {});
  if (!content.empty()) last_was_empty_ = false;
  const auto payload = content.size();
  auto body = wrapper(one.rid, std::exchange(attributes_, {}), content);
  if (!one.pauses) {
    answers_.push_back({one.rid, body});
    while (answers_.size() > terms_.requests()) answers_.pop_front();
  }
  if (held_.empty()) quiet_since_ms_ = now_ms;
  events_.on_answer(one.ticket, 200, std::move(body), payload);
}

void BoshSession::settle(std::int64_t now_ms) {
  if (over_) return;
  const auto wait_ms = std::int64_t{terms_.wait_s} * 1000;
  // What pauses is answered with all before it (§10).
  const bool pauses = std::ranges::any_of(held_, &Held::pauses);
  while (!held_.empty() && !finishing_) {
    const bool content = !output_.empty() || !attributes_.empty();
    const bool late = now_ms - held_.front().since_ms >= wait_ms;
    if (!content && !late && !pauses && held_.size() <= terms_.hold) break;
    answer_oldest(now_ms);
  }
  if (finishing_) {
    if (!held_.empty()) return fail(condition_);
    if (!early_.empty() && early_.begin()->first == next_rid_) {  // it came behind the end
      auto one = std::move(early_.extract(early_.begin()).mapped());
      held_.push_back({.rid = one.body.rid, .ticket = one.ticket, .since_ms = now_ms});
      ++next_rid_;
      return fail(condition_);
    }
  }
  if (held_.empty() && now_ms - quiet_since_ms_ >= inactivity_ms_) {
    over_ = true;
    each_ticket([&](Ticket ticket) { events_.on_answer(ticket, 200, bosh_terminate("item-not-found"), 0); });
    early_.clear();
    events_.on_lost();
  }
}

std::int64_t BoshSession::due_ms() const noexcept {
  if (over_) return std::numeric_limits<std::int64_t>::max();
  if (!held_.empty()) return held_.front().since_ms + std::int64_t{terms_.wait_s} * 1000;
  return quiet_since_ms_ + inactivity_ms_;
}

// ---- the end

void BoshSession::finish(std::string_view condition) {
  if (finishing_ || over_) return;
  finishing_ = true;
  condition_ = condition;
}

// §13: the oldest request is told, with what there still is to say; the others go without.
void BoshSession::fail(std::string_view condition) {
  if (std::exchange(over_, true)) return;
  const bool first_only = finishing_;
  bool first = true;
  for (const auto& one : std::exchange(held_, {})) {
    const bool told = first || !first_only;
    std::string attributes;
    std::string content;
    if (told) {
      attributes = " type='terminate'";
      if (!condition.empty()) attributes += " condition='" + std::string(first ? condition : "other-request") + "'";
    }
    if (first) {
      attributes = attributes_ + attributes;
      content = std::exchange(output_, {});
    }
    const auto payload = content.size();
    const auto status = first && terms_.legacy ? legacy_status(condition) : 200;
    auto body = wrapper(one.rid, attributes, content);
    answers_.push_back({one.rid, body});
    first = false;
    events_.on_answer(one.ticket, status, std::move(body), payload);
  }
  for (const auto& [rid, one] : std::exchange(early_, {})) {
    events_.on_answer(one.ticket, 200, bosh_terminate("other-request"), 0);
  }
  while (answers_.size() > terms_.requests()) answers_.pop_front();
  events_.on_lost();
}

void BoshSession::abort(std::string_view condition) {
  if (std::exchange(over_, true)) return;
  each_ticket([&](Ticket ticket) { events_.on_answer(ticket, 200, bosh_terminate(condition), 0); });
  held_.clear();
  early_.clear();
}

// The request with `ticket` broke a rule: it is told which, those that wait that it was another.
void BoshSession::end_with(Ticket ticket, std::string_view condition) {
  const auto status = terms_.legacy ? legacy_status(condition) : 200;
  events_.on_answer(ticket, status, bosh_terminate(condition), 0);
  if (std::exchange(over_, true)) return;
  each_ticket([&](Ticket other) { events_.on_answer(other, 200, bosh_terminate("other-request"), 0); });
  held_.clear();
  early_.clear();
  events_.on_lost();
}

}  // namespace valise::stream
