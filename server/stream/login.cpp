#include "stream/login.hpp"

#include <openssl/ssl.h>

#include <algorithm>

#include "base/crypto.hpp"
#include "base/log.hpp"
#include "core/namespaces.hpp"
#include "net/tls/session.hpp"
#include "stream/denial.hpp"
#include "stream/host.hpp"
#include "stream/login_exchange.hpp"
#include "xml/writer.hpp"

namespace valise::stream {
namespace ns = core::ns;
namespace auth = core::auth;
namespace {

core::Text text_of(auth::Condition condition) {
  switch (condition) {
    case auth::Condition::not_authorized:
      return {"The user name or the password is wrong.", "Le nom d’utilisateur ou le mot de passe est incorrect."};
    case auth::Condition::account_disabled:
      return {"This account is disabled. Please ask your administrator.",
              "Ce compte est désactivé. Veuillez contacter votre administrateur."};
    case auth::Condition::temporary_auth_failure:
      return {"Logging in is not possible right now. Please try again later.",
              "La connexion est impossible pour l’instant. Veuillez réessayer plus tard."};
    default:
      return {};
  }
}

// RFC 6120 §6.5 for what a rule says with a stanza error's condition. Only who has the password gets to know.
auth::Condition condition_of(const core::Refusal& denied) {
  using enum auth::Condition;
  if (denied.silent) return not_authorized;  // Drop: as if the password were wrong
  if (denied.reason == "policy-failed" || denied.error.type == core::StanzaError::Type::wait) {
    return temporary_auth_failure;
  }
  if (denied.error.condition == "not-authorized") return not_authorized;
  if (denied.error.condition == "not-acceptable") return mechanism_too_weak;
  return account_disabled;
}

std::vector<auth::ChannelBinding> bindings_of(SSL* ssl) {
  std::vector<auth::ChannelBinding> out;
  if (ssl == nullptr) return out;
  if (auto bytes = net::exporter(ssl)) out.push_back({"tls-exporter", std::move(*bytes)});  // RFC 9266
  if (auto bytes = net::tls_unique(ssl)) out.push_back({"tls-unique", std::move(*bytes)});  // RFC 5929 §3
  // XEP-0440 §3: servers MUST offer it. It names the certificate, not the session.
  if (auto bytes = net::server_end_point(ssl)) out.push_back({"tls-server-end-point", std::move(*bytes)});
  return out;
}

}  // namespace

Login::Login(LoginOwner& owner, const LoginShared& shared)
    : owner_(owner),
      shared_(shared),
      bindings_(bindings_of(owner.connection().ssl())),
      certified_(read_certificate()) {}

Login::~Login() = default;

void Login::take(xml::Element element) {
  in_sasl_2_ = false;
  const auto name = element.name();
  if (name == "auth") return given_up() ? owner_.login_failed_too_often() : begin(element);
  if (name == "abort" && exchange_) return fail(auth::Condition::aborted, {});
  if (name == "response" && exchange_ && exchange_->client_is_due()) return take_message(*exchange_, element.text());
  fail(auth::Condition::malformed_request, "out of order");
}

// RFC 6120 §6.4.2: a new <auth/> ends the exchange under way without a word; it counts like an <abort/>.
bool Login::given_up() {
  if (!exchange_) return false;
  exchange_.reset();
  return ++failures_ >= owner_.shard().settings().bad_logins_per_stream;
}

void Login::begin(xml::Element element) {
  const auto wanted = element.attribute_or_empty("mechanism");
  const auto found =
      std::ranges::find_if(shared_.mechanisms, [&](const auto* one) { return one->name == wanted && offered(*one); });
  if (found == shared_.mechanisms.end()) return fail(auth::Condition::invalid_mechanism, "not offered");
  exchange_ = std::make_shared<Exchange>(*this, **found);
  const auto text = element.text();
  if (text.empty()) return owner_.send("<challenge xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>");  // RFC 6120 §6.4.2
  take_message(*exchange_, text);
}

struct Login::Rows {
  std::optional<storage::Account> account;
  std::optional<core::Client> client;  // for a token
};

void Login::read_account() {
  exchange_->step = Exchange::Step::reading;
  const bool token = exchange_->mechanism.kind == auth::Mechanism::Kind::token;
  owner_.shard().read(
      [jid = exchange_->account.str(),
       agent = token ? exchange_->request->agent : std::string()](storage::Reader& reader) -> Result<Rows> {
        auto account = reader.account(jid);
        if (!account) return std::unexpected(account.error());
        Rows rows{std::move(*account), std::nullopt};
        if (agent.empty()) return rows;
        const auto data = reader.account_data(jid, storage::DataKind::client, agent);
        if (!data) return std::unexpected(data.error());
        if (!data->empty()) rows.client = core::decode_client(agent, data->front().value);
        return rows;
      },
      [asker = std::weak_ptr(exchange_)](Result<Rows> rows) {
        const auto exchange = asker.lock();
        if (!exchange) return;  // given up meanwhile, or the stream is gone
        if (!rows) return exchange->login.fail(auth::Condition::temporary_auth_failure, "store away");
        exchange->login.with_account(*exchange, *rows);
      });
}

void Login::with_account(Exchange& exchange, const Rows& rows) {
  const auto& row = rows.account;
  const bool exists = row && !storage::is_gone(row->state);
  const std::vector<storage::ScramKey> none;
  const auto& keys = exists ? row->keys : none;
  exchange.active = exists && row->state == storage::AccountState::active;
  exchange.credentials = auth::fingerprint(keys);
  if (exchange.request) choose_tasks(exchange, keys);
  switch (exchange.mechanism.kind) {
    case auth::Mechanism::Kind::scram:
      return challenge(exchange, keys);
    case auth::Mechanism::Kind::plain:
      return check_password(exchange, keys);
    case auth::Mechanism::Kind::external:
      return check_certificate(exchange, exists);
    case auth::Mechanism::Kind::token:
      return check_token(exchange, exists && rows.client ? &*rows.client : nullptr);
  }
}

// True: the brake refused, and the client knows. Arms the delay that the answer must wait for.
bool Login::braked(Exchange& exchange) {
  const auto network = auth::Network::parse(owner_.connection().peer_address());
  if (!network) return false;
  auto& loop = owner_.shard().loop();
  const auto verdict = shared_.brake.attempt(*network, exchange.account.full(), loop.now_ms());
  if (verdict.refused) {
    fail(auth::Condition::temporary_auth_failure, "braked");
    return true;
  }
  if (verdict.delay_ms > 0) loop.timers().arm(exchange.delay, loop.now_ms(), verdict.delay_ms);
  return false;
}

// The answer, right or wrong, waits until the brake's delay is over.
void Login::conclude(Exchange& exchange, std::expected<std::string, auth::Condition> outcome) {
  exchange.step = Exchange::Step::concluded;
  exchange.outcome = std::move(outcome);
  if (!exchange.delay.armed()) tell(exchange);
}

void Login::tell(Exchange& exchange) {
  if (!exchange.outcome) {
    const bool certificate = exchange.mechanism.kind == auth::Mechanism::Kind::external;
    const bool token = exchange.mechanism.kind == auth::Mechanism::Kind::token;
    auto& owner = owner_;  // fail() may end this
    fail(exchange.outcome.error(), certificate ? "no account or no valid certificate"
                                   : token     ? "no valid token"
                                               : "wrong password or unknown account");
    if (certificate) owner.end({}, {});  // XEP-0178 §2, 11 c
    return;
  }
  if (!exchange.active) return fail(auth::Condition::account_disabled, "disabled");
  if (const auto network = auth::Network::parse(owner_.connection().peer_address())) {
    shared_.brake.succeeded(*network, exchange.account.full(), owner_.shard().loop().now_ms());
  }
  if (owner_.contradicts(exchange.account)) {
    record_failure("from differs");
    if (exchange.request) return tell_failure(auth::Condition::invalid_authzid, {});  // XEP-0388 §2.3, §4.4
    return owner_.end("invalid-from", "the stream's from is another address");
  }
  const auto answer = ask_rules(owner_.shard(), owner_.connection(), core::RuleQuestion::Event::login, exchange.account,
                                exchange.mechanism.name, owner_.language(), exchange.tags);
  if (answer.refusal) return deny(*answer.refusal);
  succeed(exchange);
}

void Login::deny(const core::Refusal& denied) {
  const auto condition = condition_of(denied);
  const auto& own = owner_.language() == core::Language::french ? denied.error.text_fr : denied.error.text_en;
  tell_failure(condition, denied.silent || own.empty() ? text_of(condition).in(owner_.language()) : own);
}

void Login::succeed(Exchange& exchange) {
  if (exchange.request) return conclude_2(exchange);
  const auto ended = std::move(exchange_);
  std::string out;
  xml::Writer(out).element("success", ns::sasl, crypto::base64_encode(*exchange.outcome));
  owner_.send(out);
  owner_.login_succeeded(
      {exchange.account, exchange.mechanism.name, exchange.credentials, std::move(exchange.tags), nullptr});
}

// What was given up is counted but has no record: it costs a stranger nothing.
void Login::fail(auth::Condition condition, std::string_view reason) {
  if (condition != auth::Condition::aborted) record_failure(reason);
  tell_failure(condition, text_of(condition).in(owner_.language()));
}

void Login::record_failure(std::string_view reason) {
  const auto source = source_of(owner_.connection());
  core::audit::Record record;
  record.kind = core::audit::Kind::login_failed;
  record.origin = make_ref<core::audit::Origin>(core::audit::Origin::Members{
      .jid = exchange_ ? exchange_->account.full() : std::string_view(), .source = source});
  record.reason = reason;
  owner_.shard().record(std::move(record));
}

void Login::tell_failure(auth::Condition condition, std::string_view text) {
  const auto ended = std::move(exchange_);
  std::string out;
  xml::Writer writer(out);
  if (in_sasl_2_) {  // XEP-0388 §2.6.2
    writer.open("failure", ns::sasl_2).element(auth::condition_name(condition), ns::sasl);
  } else {
    writer.open("failure", ns::sasl).element(auth::condition_name(condition));
  }
  if (!text.empty()) {
    writer.open("text").attribute("xml:lang", core::tag_of(owner_.language())).text(text).close();
  }
  writer.close();
  owner_.send(out);
  if (++failures_ >= owner_.shard().settings().bad_logins_per_stream) owner_.login_failed_too_often();
}

}  // namespace valise::stream
