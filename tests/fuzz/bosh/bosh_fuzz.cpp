// A BOSH client that may ask anything at any time (XEP-0124). What must hold:
//  - requests are handed on one behind the other, each rid once, none beyond the window, none behind the end;
//  - each request is answered once at most, and none is kept longer than was agreed;
//  - what is pushed leaves once, in order; the session is lost once.
// Input: 'hold' 'flags', then steps of three bytes: what, how much, when; or, where the first byte is '<', a body.
#include <map>
#include <set>

#include "fuzz/check.hpp"
#include "stream/bosh_session.hpp"

namespace {

using namespace valise;
using namespace valise::stream;
using fuzz::check;

struct Watch final : BoshSession::Events {
  std::uint64_t last = 0;
  std::map<BoshSession::Ticket, std::int64_t> open;
  std::size_t left = 0;
  std::int64_t now = 0;
  int lost = 0;
  void on_request(BoshBody body) override {
    check(lost == 0, "a request behind the end");
    check(body.rid == last + 1, "a request out of order");
    last = body.rid;
  }
  void on_answer(BoshSession::Ticket ticket, unsigned, std::string body, std::size_t payload) override {
    check(open.erase(ticket) == 1, "an answer to nobody");
    check(body.starts_with("<body ") && body.ends_with('>'), "an answer is a body");
    left += payload;
  }
  void on_lost() override { check(++lost == 1, "lost twice"); }
};

void run(const std::uint8_t* data, std::size_t size) {
  BoshTerms terms;
  terms.hold = data[0] % 3;
  terms.wait_s = terms.hold == 0 ? 0 : 5;
  terms.inactivity_s = 7;
  terms.acks = (data[1] & 1) != 0;
  terms.legacy = (data[1] & 2) != 0;
  Watch watch;
  BoshBody first;
  first.rid = watch.last = 1'000;
  if ((data[1] & 4) != 0) first.newkey = std::string(40, 'a');
  watch.open.emplace(1, 0);
  BoshSession session(watch, terms, first, 1, 0);
  BoshSession::Ticket ticket = 1;
  std::size_t pushed = 0;
  for (std::size_t at = 2; at + 2 < size; at += 3) {
    const unsigned what = data[at] % 8, much = data[at + 1];
    watch.now += data[at + 2] * 20;
    if (what <= 3) {
      BoshBody body;
      body.rid = watch.last + 1 + static_cast<std::uint64_t>(much % 16) - 6;
      if ((much & 0x10) != 0) body.payloads.emplace_back(xml::OversizedStanza{});
      if ((much & 0x20) != 0) body.pause = much;
      if ((much & 0x40) != 0) body.type = "terminate";
      if ((much & 0x80) != 0) body.key = "a";
      watch.open.emplace(++ticket, watch.now);
      session.take(std::move(body), ticket, watch.now);
    } else if (what == 4) {
      if (session.over()) continue;
      session.push("<a/>");
      pushed += 4;
    } else if (what == 5) {
      session.pause((much & 1) != 0, watch.now);
    } else if (what == 6 && much < 8) {
      session.finish(much < 4 ? "" : "remote-stream-error");
    } else if (what == 7 && much == 0) {
      session.abort("policy-violation");
    }
    session.settle(watch.now);
    check(watch.open.size() <= 2 * terms.requests(), "too many requests are open");
    if (session.over()) check(watch.open.empty(), "a request is open behind the end");
    if (!session.over()) check(session.due_ms() > watch.now || watch.open.size() > 0, "something is overdue");
  }
  check(watch.left <= pushed, "something left twice");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  if (data[0] == '<') {
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    const auto body = parse_bosh_body(bytes, [](const BoshBody&) { return xml::StreamLimits{.stanza = 400}; });
    if (body) check(body->rid > 0 && body->rid <= highest_rid, "a rid out of range");
    return 0;
  }
  run(data, size);
  return 0;
}
