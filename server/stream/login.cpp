#include "stream/login.hpp"

#include <openssl/ssl.h>

#include <algorithm>

#include "base/crypto.hpp"
#include "base/log.hpp"
#include "core/auth/external.hpp"
#include "core/auth/plain.hpp"
#include "core/jid/domain.hpp"
#include "core/namespaces.hpp"
#include "net/tls/client_certificate.hpp"
#include "net/tls/session.hpp"
#include "stream/denial.hpp"
#include "stream/host.hpp"
#include "xml/writer.hpp"

namespace valise::stream {
namespace ns = core::ns;
namespace auth = core::auth;
namespace {

constexpr std::size_t max_message = 8'192;  // base64 of one SASL message

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

// A password on its way to the thread that checks it.
struct Secret {
  explicit Secret(std::string_view its_text) : text(its_text) {}
  ~Secret() { crypto::wipe(text); }
  Secret(const Secret&) = delete;
  Secret& operator=(const Secret&) = delete;
  std::string text;
};

}  // namespace

// One exchange (RFC 6120 §6.4): <auth/> begins it, <success/> or <failure/> ends it. All that belongs to it is here.
struct Login::Exchange {
  enum class Step : std::uint8_t {
    begun,       // the client's first message is due
    reading,     // … has come; the account's row is on its way
    challenged,  // the client's proof is due
    checking,    // a password is compared on a working thread
    concluded,   // the outcome is known and waits for the brake
  };

  Exchange(Login& its_login, const auth::Mechanism& chosen)
      : login(its_login),
        mechanism(chosen),
        delay(
            [](void* self) {
              auto& exchange = *static_cast<Exchange*>(self);
              if (exchange.step == Step::concluded) exchange.login.tell(exchange);
            },
            this) {}
  ~Exchange() { crypto::wipe(password); }
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;
  [[nodiscard]] bool client_is_due() const noexcept { return step == Step::begun || step == Step::challenged; }

  Login& login;  // which owns this
  const auth::Mechanism& mechanism;
  Step step = Step::begun;
  std::optional<auth::ScramExchange> scram;
  core::Jid account;
  std::string password;  // PLAIN only, until it is checked
  bool active = false;   // the account's row says so
  std::uint64_t credentials = 0;
  std::expected<std::string, auth::Condition> outcome = std::unexpected(auth::Condition::temporary_auth_failure);
  net::Timer delay;
};

Login::Login(LoginOwner& owner, const LoginShared& shared)
    : owner_(owner),
      shared_(shared),
      bindings_(bindings_of(owner.connection().transport().ssl())),
      certified_(read_certificate()) {}

Login::~Login() = default;

// The certificate was checked against the authorities of the host whose own was shown: it counts for that host's
// streams.
std::vector<core::Jid> Login::read_certificate() const {
  const auto* ssl = owner_.connection().transport().ssl();
  const auto names = net::client_names(ssl);
  const auto* host = owner_.shard().host(owner_.domain());
  if (!names || host == nullptr || net::describe(ssl).host != core::ascii_domain(owner_.domain())) return {};
  const auto& chosen = names->xmpp.empty() && host->email_names ? names->email : names->xmpp;
  return auth::certificate_accounts(chosen,
                                    [this](std::string_view domain) { return owner_.shard().host(domain) != nullptr; });
}

bool Login::offered(const auth::Mechanism& mechanism) const {
  const auto* host = owner_.shard().host(owner_.domain());
  if (mechanism.kind == auth::Mechanism::Kind::external) {  // XEP-0178 §2, RFC 6120 §6.3.4
    return host != nullptr && host->client_certificates && auth::has_account_of(certified_, owner_.domain());
  }
  if (host != nullptr && host->only_certificates) return false;
  return !mechanism.plus || !bindings_.empty();
}

bool Login::possible() const {
  return std::ranges::any_of(shared_.mechanisms, [this](const auto* one) { return offered(*one); });
}

bool Login::plus_offered() const {
  return std::ranges::any_of(shared_.mechanisms, [this](const auto* one) { return one->plus && offered(*one); });
}

std::string Login::features() const {
  std::string out;
  xml::Writer writer(out);
  writer.open("mechanisms", ns::sasl);
  for (const auto* mechanism : shared_.mechanisms) {
    if (offered(*mechanism)) writer.element("mechanism", {}, mechanism->name);
  }
  writer.close();
  if (plus_offered()) {  // XEP-0440
    writer.open("sasl-channel-binding", "urn:xmpp:sasl-cb:0");
    for (const auto& binding : bindings_) writer.open("channel-binding").attribute("type", binding.name).close();
    writer.close();
  }
  return out;
}

// Over exactly what features() says (XEP-0474 §5.1).
std::string Login::downgrade_hash(crypto::Hash hash) const {
  std::vector<std::string_view> mechanisms, types;
  for (const auto* mechanism : shared_.mechanisms) {
    if (offered(*mechanism)) mechanisms.push_back(mechanism->name);
  }
  if (plus_offered()) {
    for (const auto& binding : bindings_) types.push_back(binding.name);
  }
  return auth::downgrade_hash(hash, mechanisms, types);
}

void Login::take(xml::Element element) {
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

void Login::take_message(Exchange& exchange, std::string_view base64) {
  const auto message = base64.size() <= max_message ? crypto::base64_decode(base64 == "=" ? "" : base64) : std::nullopt;
  if (!message) return fail(auth::Condition::incorrect_encoding, "base64");
  switch (exchange.mechanism.kind) {
    case auth::Mechanism::Kind::scram:
      return take_scram(exchange, *message);
    case auth::Mechanism::Kind::plain:
      return begin_plain(exchange, *message);
    case auth::Mechanism::Kind::external:
      return begin_external(exchange, *message);
  }
}

void Login::take_scram(Exchange& exchange, std::string_view message) {
  if (!exchange.scram) return begin_scram(exchange, message);
  if (braked(exchange)) return;
  auto outcome = exchange.scram->client_final(message);
  if (!outcome) return conclude(exchange, std::unexpected(outcome.error().condition));
  conclude(exchange, std::move(*outcome));
}

void Login::begin_scram(Exchange& exchange, std::string_view message) {
  auth::ScramSettings settings;
  settings.mechanism = &exchange.mechanism;
  settings.host = owner_.domain();
  settings.bindings = bindings_;
  settings.plus_offered = plus_offered();
  settings.downgrade_hash = downgrade_hash(exchange.mechanism.hash);
  exchange.scram.emplace(std::move(settings));
  const auto account = exchange.scram->client_first(message);
  if (!account) return fail(account.error().condition, account.error().reason);
  exchange.account = *account;
  read_account();
}

void Login::begin_plain(Exchange& exchange, std::string_view message) {
  auto login = auth::parse_plain(message, owner_.domain());
  if (!login) return fail(login.error().condition, login.error().reason);
  exchange.account = std::move(login->account);
  exchange.password = std::move(login->password);
  read_account();
}

void Login::begin_external(Exchange& exchange, std::string_view authzid) {
  auto account = auth::external_account(certified_, authzid, owner_.domain());
  if (account) {
    exchange.account = std::move(*account);
    return read_account();
  }
  auto& owner = owner_;  // fail() may end this
  fail(account.error().condition, account.error().reason);
  owner.end({}, {});  // XEP-0178 §2, 11 b and c
}

void Login::read_account() {
  exchange_->step = Exchange::Step::reading;
  owner_.shard().read([jid = exchange_->account.str()](storage::Reader& reader) { return reader.account(jid); },
                      [asker = std::weak_ptr(exchange_)](Result<std::optional<storage::Account>> row) {
                        const auto exchange = asker.lock();
                        if (!exchange) return;  // given up meanwhile, or the stream is gone
                        if (!row) return exchange->login.fail(auth::Condition::temporary_auth_failure, "store away");
                        exchange->login.with_account(*exchange, *row);
                      });
}

void Login::with_account(Exchange& exchange, const std::optional<storage::Account>& row) {
  const bool exists = row && !storage::is_gone(row->state);
  const std::vector<storage::ScramKey> none;
  const auto& keys = exists ? row->keys : none;
  exchange.active = exists && row->state == storage::AccountState::active;
  exchange.credentials = auth::fingerprint(keys);
  switch (exchange.mechanism.kind) {
    case auth::Mechanism::Kind::scram:
      return challenge(exchange, keys);
    case auth::Mechanism::Kind::plain:
      return check_password(exchange, keys);
    case auth::Mechanism::Kind::external:
      return check_certificate(exchange, exists);
  }
}

void Login::challenge(Exchange& exchange, const std::vector<storage::ScramKey>& keys) {
  const auto message = exchange.scram->server_first(keys, shared_.fake_keys);
  if (!message) return fail(message.error().condition, message.error().reason);
  exchange.step = Exchange::Step::challenged;
  std::string out;
  xml::Writer(out).element("challenge", ns::sasl, crypto::base64_encode(*message));
  owner_.send(out);
}

void Login::check_password(Exchange& exchange, const std::vector<storage::ScramKey>& keys) {
  if (braked(exchange)) return;
  exchange.step = Exchange::Step::checking;
  const bool exists = !keys.empty();
  // The hash that verify_password takes of all that an account has: the same work.
  const std::vector<storage::ScramKey> fake{shared_.fake_keys.key(crypto::Hash::sha512, exchange.account)};
  auto password = std::make_unique<Secret>(exchange.password);
  crypto::wipe(exchange.password);
  auto& shard = owner_.shard();
  const auto now = shard.loop().now_ms();
  const auto network = auth::Network::parse(owner_.connection().peer_address());
  const core::Share share{.known = network && shared_.brake.known(*network, exchange.account.full(), now),
                          .network = network};
  const bool taken = shard.compute(
      share,
      [password = std::move(password), tried = exists ? keys : fake, asker = std::weak_ptr(exchange_)] {
        return !asker.expired() && auth::verify_password(tried, password->text);  // else nobody waits for it any more
      },
      [asker = std::weak_ptr(exchange_), exists](bool right) {
        const auto checked = asker.lock();
        if (!checked) return;  // given up meanwhile, or the stream is gone
        if (right && exists) return checked->login.conclude(*checked, std::string());
        checked->login.conclude(*checked, std::unexpected(auth::Condition::not_authorized));
      });
  if (taken) return;
  if (network) shared_.brake.take_back(*network, exchange.account.full(), now);
  fail(auth::Condition::temporary_auth_failure, "busy");
}

// A certificate is nothing that is guessed: who has one waits for nobody's wrong passwords. One that opens nothing
// counts as a wrong password of its network.
void Login::check_certificate(Exchange& exchange, bool exists) {
  if (const auto network = auth::Network::parse(owner_.connection().peer_address())) {
    (void)shared_.brake.attempt(*network, exchange.account.full(), owner_.shard().loop().now_ms());
  }
  // The lists may have been read again since the handshake.
  const bool valid = exists && shared_.tls.get()->accepts_client(owner_.connection().transport().ssl());
  if (!valid) return conclude(exchange, std::unexpected(auth::Condition::not_authorized));
  conclude(exchange, std::string());
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
    auto& owner = owner_;  // fail() may end this
    fail(exchange.outcome.error(),
         certificate ? "no account or no valid certificate" : "wrong password or unknown account");
    if (certificate) owner.end({}, {});  // XEP-0178 §2, 11 c
    return;
  }
  if (!exchange.active) return fail(auth::Condition::account_disabled, "disabled");
  if (const auto network = auth::Network::parse(owner_.connection().peer_address())) {
    shared_.brake.succeeded(*network, exchange.account.full(), owner_.shard().loop().now_ms());
  }
  if (owner_.contradicts(exchange.account)) {
    record_failure("from differs");
    return owner_.end("invalid-from", "the stream's from is another address");
  }
  std::vector<std::string> tags;
  const auto denied = ask_rules(owner_.shard(), owner_.connection(), core::RuleQuestion::Event::login, exchange.account,
                                exchange.mechanism.name, owner_.language(), tags);
  if (denied) return deny(*denied);
  succeed(exchange, std::move(tags));
}

void Login::deny(const core::Refusal& denied) {
  const auto condition = condition_of(denied);
  const auto& own = owner_.language() == core::Language::french ? denied.error.text_fr : denied.error.text_en;
  tell_failure(condition, denied.silent || own.empty() ? text_of(condition).in(owner_.language()) : own);
}

void Login::succeed(Exchange& exchange, std::vector<std::string> tags) {
  const auto ended = std::move(exchange_);
  std::string out;
  xml::Writer(out).element("success", ns::sasl, crypto::base64_encode(*exchange.outcome));
  owner_.send(out);
  owner_.login_succeeded({exchange.account, exchange.mechanism.name, exchange.credentials, std::move(tags)});
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
  writer.open("failure", ns::sasl).element(auth::condition_name(condition));
  if (!text.empty()) {
    writer.open("text").attribute("xml:lang", core::tag_of(owner_.language())).text(text).close();
  }
  writer.close();
  owner_.send(out);
  if (++failures_ >= owner_.shard().settings().bad_logins_per_stream) owner_.login_failed_too_often();
}

}  // namespace valise::stream
