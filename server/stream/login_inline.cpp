// The log-in in the words of XEP-0388: <authenticate/> says all that a client wants, <continue/> asks it for keys that
// are stronger (XEP-0480), <success/> comes when everything is done and is the stream's to send.
#include <algorithm>

#include "base/crypto.hpp"
#include "core/namespaces.hpp"
#include "stream/login_exchange.hpp"
#include "xml/writer.hpp"

namespace valise::stream {
namespace ns = core::ns;
namespace auth = core::auth;

std::string_view Login::namespace_of(const Exchange& exchange) { return exchange.request ? ns::sasl_2 : ns::sasl; }

bool Login::is_exclusive() const noexcept { return exchange_ && exchange_->request; }

void Login::take_2(xml::Element element) {
  const auto name = element.name();
  if (!is_exclusive()) {
    in_sasl_2_ = true;
    if (name == "authenticate") return given_up() ? owner_.login_failed_too_often() : begin_2(element);
    return fail(auth::Condition::malformed_request, "out of order");
  }
  auto& exchange = *exchange_;
  if (name == "abort") return fail(auth::Condition::aborted, {});
  if (name == "response" && exchange.client_is_due()) return take_message(exchange, element.text());
  if (name == "next" && exchange.step == Exchange::Step::continued) return begin_task(exchange, element);
  if (name == "task-data" && exchange.step == Exchange::Step::salted) return end_task(exchange, element);
  // §2.4: whatever else comes ends the stream; §4.10 names a second <authenticate/>.
  owner_.end("policy-violation", "a log-in is under way");
}

void Login::begin_2(xml::Element element) {
  auto request = parse_authenticate(element);
  if (!request) return fail(request.error().condition, request.error().reason);
  if (!request->wants_token.empty() && !gives(request->wants_token)) {  // XEP-0484 §3.2
    return fail(auth::Condition::malformed_request, "a token for a mechanism that is not offered");
  }
  if (request->config_version && *request->config_version != config_version_) return refuse_config_version();
  const auto* mechanism = choose(*request);
  if (mechanism == nullptr) return fail(auth::Condition::invalid_mechanism, "not offered");
  exchange_ = std::make_shared<Exchange>(*this, *mechanism);
  exchange_->request = std::make_unique<Authenticate>(std::move(*request));
  const auto& response = exchange_->request->initial_response;
  if (!response) return owner_.send("<challenge xmlns='urn:xmpp:sasl:2'/>");  // RFC 4422 §5: the client speaks first
  take_message(*exchange_, *response);
}

// XEP-0509 §2.2: without prejudice. It is no failed log-in and has no record.
void Login::refuse_config_version() {
  std::string out;
  xml::Writer(out)
      .open("failure", ns::sasl_2)
      .element("aborted", ns::sasl)
      .element("config-version-mismatch", ns::iap)
      .close();
  owner_.send(out);
}

bool Login::gives(std::string_view token_mechanism) const {
  const auto found = std::ranges::find(auth::token_mechanisms(), token_mechanism, &auth::Mechanism::name);
  return found != auth::token_mechanisms().end() && offered(*found);
}

// XEP-0484 §3.4: <fast/> stands with the mechanisms that take a token, and only with those.
const auth::Mechanism* Login::choose(const Authenticate& request) const {
  if (request.fast) {
    const auto found = std::ranges::find(auth::token_mechanisms(), request.mechanism, &auth::Mechanism::name);
    return found != auth::token_mechanisms().end() && offered(*found) ? &*found : nullptr;
  }
  const auto found = std::ranges::find_if(
      shared_.mechanisms, [&](const auto* one) { return one->name == request.mechanism && offered(*one); });
  return found == shared_.mechanisms.end() ? nullptr : *found;
}

// ---- XEP-0480

// Of what the client offers: keys that the account does not have, or has with fewer iterations than new ones get. Only
// for who shows the password: a token must not become another one.
void Login::choose_tasks(Exchange& exchange, const std::vector<storage::ScramKey>& keys) const {
  const auto kind = exchange.mechanism.kind;
  if (kind != auth::Mechanism::Kind::scram && kind != auth::Mechanism::Kind::plain) return;
  for (const auto hash : auth::all_hashes) {
    if (!may_upgrade(hash) ||
        std::ranges::find(exchange.request->upgrades, upgrade_task(hash)) == exchange.request->upgrades.end())
      continue;
    const auto* key = auth::find_key(keys, hash);
    if (key == nullptr || key->iterations < owner_.shard().settings().scram_iterations) exchange.tasks.push_back(hash);
  }
  if (!exchange.tasks.empty()) exchange.keys = keys;
}

void Login::ask_for_task(Exchange& exchange, std::string_view additional_data) {
  exchange.step = Exchange::Step::continued;
  std::string out;
  xml::Writer writer(out);
  writer.open("continue", ns::sasl_2);
  if (!additional_data.empty()) writer.element("additional-data", {}, crypto::base64_encode(additional_data));
  writer.open("tasks").element("task", {}, upgrade_task(exchange.tasks.front())).close().close();
  owner_.send(out);
}

void Login::begin_task(Exchange& exchange, xml::Element next) {
  if (next.attribute_or_empty("task") != upgrade_task(exchange.tasks.front())) {
    return fail(auth::Condition::malformed_request, "another task");
  }
  exchange.step = Exchange::Step::salted;
  exchange.salt = crypto::random_string(auth::salt_size);
  exchange.iterations = owner_.shard().settings().scram_iterations;
  std::string out;
  xml::Writer(out)
      .open("task-data", ns::sasl_2)
      .open("salt", ns::scram_upgrade)
      .attribute("iterations", std::to_string(exchange.iterations))
      .text(crypto::base64_encode(exchange.salt))
      .close()
      .close();
  owner_.send(out);
}

void Login::end_task(Exchange& exchange, xml::Element data) {
  const auto hash = exchange.tasks.front();
  auto text = data.child("hash", ns::scram_upgrade).text();
  std::erase_if(text, [](char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; });
  auto salted = crypto::base64_decode(text);
  if (!salted || salted->size() != crypto::digest_size(hash)) {
    return fail(auth::Condition::malformed_request, "the hash is no SaltedPassword");
  }
  auto key = auth::key_of_salted(hash, *salted, exchange.salt, exchange.iterations);
  std::erase_if(exchange.keys, [&](const auto& one) { return one.hash == key.hash; });
  exchange.keys.push_back(std::move(key));
  crypto::wipe(*salted);
  exchange.tasks.erase(exchange.tasks.begin());
  if (!exchange.tasks.empty()) return ask_for_task(exchange, {});
  exchange.outcome = std::string();  // §2.6.1: its data went with the first <continue/>
  conclude_2(exchange);
}

// ---- the end

void Login::conclude_2(Exchange& exchange) {
  if (!exchange.tasks.empty()) return ask_for_task(exchange, *exchange.outcome);
  const auto ended = std::move(exchange_);
  const bool upgraded = !exchange.salt.empty();
  auto more = std::make_unique<Inline>(Inline{.request = std::move(*exchange.request),
                                              .kind = exchange.mechanism.kind,
                                              .additional_data = std::move(*exchange.outcome),
                                              .nonce = std::move(exchange.nonce),
                                              .upgraded = upgraded,
                                              .keys = std::move(exchange.keys)});
  owner_.login_succeeded(
      {exchange.account, exchange.mechanism.name, exchange.credentials, std::move(exchange.tags), std::move(more)});
}

}  // namespace valise::stream
