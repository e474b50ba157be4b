// What comes to an endpoint over HTTP (UnifiedPush server specification; RFC 8030 §5). Nothing is kept: a message goes
// to the device now, or its sender is told that it did not.
#include <algorithm>

#include "base/clock.hpp"
#include "base/crypto.hpp"
#include "core/client.hpp"
#include "core/namespaces.hpp"
#include "modules/unified_push/module.hpp"
#include "modules/unified_push/web_push.hpp"
#include "xml/writer.hpp"

namespace valise::modules::unified_push {
namespace {

constexpr unsigned most_asked = 4;  // of the requests that a session may owe answers to (core::Requests::max)

http::Response later(unsigned status) {
  auto response = http::plain(status);
  response.fields.emplace_back("Retry-After", "60");
  return response;
}

core::Session* device_of(const core::Account& account, const Endpoint& endpoint) {
  const auto is = [&](const core::Session* session) {
    return session->stream.connected() &&
           core::is_device(session->client, session->jid.resource(), endpoint.agent, endpoint.resource);
  };
  const auto found = std::ranges::find_if(account.sessions, is);
  return found == account.sessions.end() ? nullptr : *found;
}

}  // namespace

void UnifiedPush::on_http(http::Exchange exchange) {
  const auto word = std::string_view(exchange.request().path).substr(path.size());
  auto addressed = from_word(shard_.kernel().client_secret, word);
  // The host may be gone, or no provider any more.
  if (!addressed || !rules_of(addressed->account.domain()).enabled) return exchange.answer(http::plain(404));
  auto id = std::move(addressed->id);
  shard_.on_home(addressed->account, [id = std::move(id), exchange = std::move(exchange)](
                                         core::Shard& there, core::Account* account) mutable {
    there.service<UnifiedPush>()->at_home(account, id, std::move(exchange));
  });
}

void UnifiedPush::at_home(core::Account* account, const std::string& id, http::Exchange exchange) {
  if (account == nullptr) return exchange.answer(later(503));  // the store is away
  if (!account->exists || account->state != storage::AccountState::active) return exchange.answer(http::plain(404));
  auto& all = endpoints(*account).by_id;
  const auto found = all.find(id);
  if (found == all.end() || found->second.expires_ms <= utc_now_ms()) return exchange.answer(http::plain(404));
  if (exchange.request().method == http::Method::post) {
    return relay(*account, id, found->second, std::move(exchange));
  }
  http::Response response;
  response.content_type = "application/json";
  response.body = R"({"unifiedpush":{"version":1}})";
  exchange.answer(std::move(response));
}

bool UnifiedPush::may_push(Endpoint& endpoint, const Rules& rules) const {
  constexpr std::int64_t minute_ms = 60'000;
  const auto now = shard_.loop().now_ms();
  const auto paid = (now - endpoint.charged_ms) * rules.per_minute * 1000 / minute_ms;
  endpoint.debt = std::max<std::int64_t>(0, endpoint.debt - paid);
  endpoint.charged_ms = now;
  if (endpoint.debt + 1000 > rules.per_minute * 1000) return false;
  endpoint.debt += 1000;
  return true;
}

void UnifiedPush::relay(core::Account& account, const std::string& id, Endpoint& endpoint, http::Exchange exchange) {
  const auto& body = exchange.request().body;
  if (body.empty()) return exchange.answer(http::plain(400, "a message has 1 to 4096 bytes\n"));
  if (!may_push(endpoint, rules_of(account.jid.domain()))) return exchange.answer(later(429));
  const auto* host = shard_.host(account.jid.domain());
  const bool sealed = host == nullptr || host->sealed;
  if (sealed && !is_web_push(exchange.request().field("content-encoding"), body)) {
    return exchange.answer(http::plain(400, "only encrypted messages pass here: RFC 8291, aes128gcm\n"));
  }
  auto* session = device_of(account, endpoint);
  if (session == nullptr) return exchange.answer(later(503));
  auto& asked = endpoints(account).asked;
  if (asked >= most_asked || session->requests.is_full()) return exchange.answer(later(429));
  std::string push;
  xml::Writer(push)
      .open("push", ns_unified_push)
      .attribute("application", endpoint.application)
      .attribute("instance", endpoint.instance)
      .text(crypto::base64_encode(body))
      .close();
  ++asked;
  const bool going = shard_.request(
      *session, std::move(push),
      [this, jid = account.jid, id, exchange = std::move(exchange)](core::StanzaPtr answer) mutable {
        answered(jid, id, answer, std::move(exchange));
      },
      "set");
  if (!going) --asked;  // it was not full; the exchange answers for itself
}

void UnifiedPush::answered(const core::Jid& jid, const std::string& id, const core::StanzaPtr& answer,
                           http::Exchange exchange) {
  auto* account = shard_.find_account(jid.bare());
  if (account != nullptr && endpoints(*account).asked > 0) --endpoints(*account).asked;
  if (!answer) return exchange.answer(later(503));
  if (!answer->is_error()) {
    auto response = http::plain(201);
    response.fields.emplace_back("TTL", "0");  // RFC 8030 §5.2: it was not kept
    return exchange.answer(std::move(response));
  }
  const auto error = answer->child("error", core::ns::client);
  const auto says = [&](std::string_view name) { return error && error.child(name, core::ns::stanza_errors); };
  // The application is gone, or nobody here distributes: the address is good for nothing any more.
  if (!says("item-not-found") && !says("feature-not-implemented")) return exchange.answer(later(503));
  if (account != nullptr) forget(*account, {id});
  exchange.answer(http::plain(404));
}

}  // namespace valise::modules::unified_push
