#include "stream/web_streams.hpp"

#include <algorithm>

#include "http/address.hpp"
#include "http/websocket.hpp"
#include "stream/websocket_wire.hpp"

namespace valise::stream {
namespace {

constexpr unsigned most_held = 1;            // requests; one more than that may be open (XEP-0124 §7.2)
constexpr unsigned polling_extra_s = 60;     // §12: who polls may be away for longer
constexpr std::size_t longest_content = 80;  // of a content type

http::Response bosh_answer(std::string body, unsigned status = 200) {
  http::Response out;
  out.status = status;
  out.content_type = "text/xml; charset=utf-8";
  out.body = std::move(body);
  out.fields.emplace_back("Cache-Control", "no-store");
  return out;
}

}  // namespace

WebStreams::WebStreams(StreamHost& host, BoshDirectory& directory)
    : host_(host), directory_(directory), bosh_(host.shard().loop(), host.shard().index()) {
  directory_.add_host(bosh_);
}

Result<> WebStreams::add_routes(http::Router& router) {
  auto added = router.add({.methods = {http::Method::post},
                           .path = std::string(bosh_path),
                           // One stanza beyond the soft limit is still bounced by its id.
                           .longest_body = 2 * std::size_t{host_.shard().settings().limits.stanza},
                           .cors = http::Cors::allowed,
                           .handler = [this](http::Exchange exchange) { take_bosh(std::move(exchange)); }});
  if (!added) return added;
  return router.add({.methods = {http::Method::get},
                     .path = std::string(websocket_path),
                     .cors = http::Cors::allowed,
                     .handler = [this](http::Exchange exchange) { open_websocket(std::move(exchange)); }});
}

// docs/security.md §3: at 80 % of limits.memory nobody is let in.
bool WebStreams::admit(const std::string& address) {
  auto& shard = host_.shard();
  return !host_.stopping() && !shard.kernel().memory_is(core::MemoryState::high) &&
         host_.gate().admit(address, shard.settings(), shard.loop().now_ms(),
                            shard.kernel().stats.unauthenticated.load(std::memory_order_relaxed));
}

void WebStreams::open_websocket(http::Exchange exchange) {
  auto response = http::websocket::accept(exchange.request(), "xmpp");
  if (response.status != 101) return exchange.answer(std::move(response));
  auto request = std::move(exchange.request());
  // Whose connection was counted when it came stays counted; behind a proxy it is the client who counts.
  if (request.proxied && !admit(request.client_address)) return exchange.answer(http::plain(503));
  auto upgraded = exchange.upgrade();
  if (!upgraded.connection) {
    if (request.proxied) host_.gate().left(request.client_address, host_.shard().loop().now_ms());
    return;
  }
  std::string head;
  http::append_response(head, response, request.version, true);
  upgraded.connection->send(head);
  auto origin = http::parse_origin(request.field("origin"));
  host_.begin(std::make_unique<WebSocketWire>(std::move(upgraded.connection), std::move(upgraded.early),
                                              std::move(request.client_address), request.client_port,
                                              origin ? std::move(*origin) : std::string()));
}

// ---- BOSH

void WebStreams::take_bosh(http::Exchange exchange) {
  const auto& settings = host_.shard().settings();
  auto origin = http::parse_origin(exchange.request().field("origin")).value_or(std::string());
  std::optional<BoshDirectory::Entry> entry;
  auto body = parse_bosh_body(exchange.request().body, [&](const BoshBody& wrapper) {
    if (!wrapper.sid.empty()) entry = directory_.find(wrapper.sid);
    return entry && entry->logged_in ? settings.limits : settings.limits_before_login;
  });
  exchange.request().body = {};
  if (!body) return exchange.answer(bosh_answer(bosh_terminate("bad-request")));
  if (body->sid.empty()) return open_bosh(std::move(*body), std::move(exchange), std::move(origin));
  // A page of another origin has no business in the session, and ends it as little as a stranger does.
  if (!entry || entry->origin != origin) return exchange.answer(bosh_answer(bosh_terminate("item-not-found")));
  const auto sid = body->sid;
  directory_.reach(sid, [body = std::move(*body), exchange = std::move(exchange)](BoshLink* link) mutable {
    if (link == nullptr) return exchange.answer(bosh_answer(bosh_terminate("item-not-found")));
    link->take(std::move(body), std::move(exchange));
  });
}

void WebStreams::open_bosh(BoshBody body, http::Exchange exchange, std::string origin) {
  const auto& settings = host_.shard().settings();
  const auto& web = host_.web();
  const auto refuse = [&](std::string_view condition) { exchange.answer(bosh_answer(bosh_terminate(condition))); };
  if (body.to.empty()) return refuse("improper-addressing");
  const auto to = core::Jid::parse(body.to);
  if (!to || to->full() != to->domain() || settings.host(to->domain()) == nullptr) return refuse("host-unknown");
  if (body.content.size() > longest_content) return refuse("bad-request");
  if (host_.stopping()) return refuse("system-shutdown");
  BoshTerms terms;
  terms.wait_s = std::min(body.wait.value_or(web.bosh_wait_s), web.bosh_wait_s);
  terms.hold = std::min(body.hold.value_or(most_held), most_held);
  terms.inactivity_s = web.bosh_inactivity_s;
  terms.maxpause_s = web.bosh_pause_s;
  if (terms.wait_s == 0 || terms.hold == 0) {  // §12
    terms.wait_s = terms.hold = 0;
    terms.inactivity_s += polling_extra_s;
  }
  terms.acks = body.ack == 1U;
  terms.legacy = !body.ver;
  auto address = exchange.request().client_address;
  const auto port = exchange.request().client_port;
  if (!admit(address)) return refuse("policy-violation");
  auto link = std::make_unique<BoshLink>(
      directory_, bosh_, BoshBeginning{.body = std::move(body), .terms = terms, .origin = origin}, std::move(exchange));
  auto& begun = *link;
  if (host_.begin(std::make_unique<BoshWire>(std::move(link), std::move(address), port, std::move(origin))) !=
      nullptr) {
    begun.begin();
  }
}

}  // namespace valise::stream
