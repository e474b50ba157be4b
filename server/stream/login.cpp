#include "stream/login.hpp"

#include <openssl/ssl.h>

#include "base/crypto.hpp"
#include "base/log.hpp"
#include "core/auth/plain.hpp"
#include "core/namespaces.hpp"
#include "net/tls/session.hpp"
#include "stream/denial.hpp"
#include "xml/writer.hpp"

namespace valise::stream {
namespace ns = core::ns;
namespace auth = core::auth;
namespace {

constexpr std::size_t max_message = 8'192;                  // base64 of one SASL message

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
    default: return {};
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
  // XEP-0440 §3: servers MUST offer it. It names the certificate, not the session.
  if (auto bytes = net::server_end_point(ssl)) out.push_back({"tls-server-end-point", std::move(*bytes)});
  return out;
}

}  // namespace

// Answers of database threads come back through this; it is emptied when the Login goes.
struct Login::Waiting {
  Login* login;
};

Login::Login(LoginOwner& owner, const LoginShared& shared)
    : owner_(owner), shared_(shared), bindings_(bindings_of(owner.connection().transport().ssl())), waiting_(std::make_shared<Waiting>(Waiting{this})),
      delay_(
          [](void* self) {
            static_cast<Login*>(self)->tell();
          },
          this) {}

Login::~Login() {
  waiting_->login = nullptr;
  crypto::wipe(password_);
}

bool Login::offered(const auth::Mechanism& mechanism) const { return !mechanism.plus || !bindings_.empty(); }

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
  if (element.name() == "abort") return fail(auth::Condition::aborted, "aborted");
  if (busy_) return fail(auth::Condition::malformed_request, "out of order");
  if (element.name() == "auth") return begin(element);
  if (element.name() == "response") {
    const auto text = element.text();
    const auto message = text.size() <= max_message ? crypto::base64_decode(text == "=" ? "" : text) : std::nullopt;
    if (!message) return fail(auth::Condition::incorrect_encoding, "base64");
    return respond(*message);
  }
  fail(auth::Condition::malformed_request, "unknown element");
}

void Login::begin(xml::Element element) {
  mechanism_ = nullptr;
  scram_.reset();
  ++exchange_;
  const auto wanted = element.attribute_or_empty("mechanism");
  for (const auto* mechanism : shared_.mechanisms) {
    if (mechanism->name == wanted && offered(*mechanism)) mechanism_ = mechanism;
  }
  if (mechanism_ == nullptr) return fail(auth::Condition::invalid_mechanism, "not offered");
  const auto text = element.text();
  if (text.empty()) return owner_.send("<challenge xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>");  // RFC 6120 §6.4.2
  const auto message = text.size() <= max_message ? crypto::base64_decode(text == "=" ? "" : text) : std::nullopt;
  if (!message) return fail(auth::Condition::incorrect_encoding, "base64");
  respond(*message);
}

void Login::respond(std::string_view message) {
  if (mechanism_ == nullptr) return fail(auth::Condition::malformed_request, "no exchange");
  if (mechanism_->kind == auth::Mechanism::Kind::plain) return begin_plain(message);
  if (!scram_) return begin_scram(*mechanism_, message);
  if (braked()) return;
  auto outcome = scram_->client_final(message);
  if (!outcome) return conclude(std::unexpected(outcome.error().condition));
  conclude(std::move(*outcome));
}

void Login::begin_scram(const auth::Mechanism& mechanism, std::string_view message) {
  auth::ScramSettings settings;
  settings.mechanism = &mechanism;
  settings.host = owner_.domain();
  settings.bindings = bindings_;
  settings.plus_offered = plus_offered();
  settings.downgrade_hash = downgrade_hash(mechanism.hash);
  scram_.emplace(std::move(settings));
  const auto account = scram_->client_first(message);
  if (!account) return fail(account.error().condition, account.error().reason);
  account_ = *account;
  load_keys();
}

// docs/security.md §2: the answer to an exchange that was given up meanwhile is dropped: another account's keys must open nothing.
void Login::load_keys() {
  busy_ = true;
  owner_.shard().read([jid = account_.str()](storage::Reader& reader) { return reader.account(jid); },
                      [waiting = waiting_, exchange = exchange_](Result<std::optional<storage::Account>> row) {
                        auto* login = waiting->login;
                        if (login != nullptr && login->exchange_ == exchange) login->with_keys(std::move(row));
                      });
}

void Login::begin_plain(std::string_view message) {
  auto login = auth::parse_plain(message, owner_.domain());
  if (!login) return fail(login.error().condition, login.error().reason);
  account_ = std::move(login->account);
  password_ = std::move(login->password);
  load_keys();
}

void Login::with_keys(Result<std::optional<storage::Account>> row) {
  busy_ = false;
  if (!row) return fail(auth::Condition::temporary_auth_failure, "store away");
  exists_ = row->has_value() && (*row)->state != storage::AccountState::deleted;
  state_ = exists_ ? (*row)->state : storage::AccountState::deleted;
  const std::vector<storage::ScramKey> none;
  const auto& keys = exists_ ? (*row)->keys : none;
  if (mechanism_->kind == auth::Mechanism::Kind::scram) {
    const auto challenge = scram_->server_first(keys, shared_.fake_keys);
    if (!challenge) return fail(challenge.error().condition, challenge.error().reason);
    std::string out;
    xml::Writer(out).element("challenge", ns::sasl, crypto::base64_encode(*challenge));
    return owner_.send(out);
  }
  if (braked()) return;
  const std::vector<storage::ScramKey> fake{shared_.fake_keys.key(crypto::Hash::sha256, account_)};
  const bool right = auth::verify_password(keys.empty() ? fake : keys, password_) && exists_;
  crypto::wipe(password_);
  if (!right) return conclude(std::unexpected(auth::Condition::not_authorized));
  conclude(std::string());
}

// True: the brake refused, and the client knows. Arms the delay that the answer must wait for.
bool Login::braked() {
  const auto network = auth::Network::parse(owner_.connection().peer_address());
  if (!network) return false;
  auto& loop = owner_.shard().loop();
  const auto verdict = shared_.brake.attempt(*network, account_.full(), loop.now_ms());
  if (verdict.refused) {
    fail(auth::Condition::temporary_auth_failure, "braked");
    return true;
  }
  if (verdict.delay_ms > 0) loop.timers().arm(delay_, loop.now_ms(), verdict.delay_ms);
  return false;
}

// The answer, right or wrong, waits until the brake's delay is over.
void Login::conclude(std::expected<std::string, auth::Condition> outcome) {
  outcome_ = std::move(outcome);
  busy_ = delay_.armed();
  if (!busy_) tell();
}

void Login::tell() {
  busy_ = false;
  if (!outcome_) return fail(outcome_.error(), "wrong password or unknown account");
  if (state_ != storage::AccountState::active) return fail(auth::Condition::account_disabled, "disabled");
  if (const auto network = auth::Network::parse(owner_.connection().peer_address())) {
    shared_.brake.succeeded(*network, account_.full(), owner_.shard().loop().now_ms());
  }
  std::vector<std::string> tags;
  const auto denied = ask_rules(owner_.shard(), owner_.connection(), core::RuleQuestion::Event::login, account_,
                                mechanism_->name, owner_.language(), tags);
  if (denied) return deny(*denied);
  succeed(*outcome_, std::move(tags));
}

void Login::deny(const core::Refusal& denied) {
  const auto condition = condition_of(denied);
  const auto& own = owner_.language() == core::Language::french ? denied.error.text_fr : denied.error.text_en;
  tell_failure(condition, denied.silent || own.empty() ? text_of(condition).in(owner_.language()) : own);
}

void Login::succeed(std::string_view data, std::vector<std::string> tags) {
  std::string out;
  xml::Writer(out).element("success", ns::sasl, crypto::base64_encode(data));
  owner_.send(out);
  owner_.login_succeeded(account_, mechanism_->name, std::move(tags));
}

void Login::fail(auth::Condition condition, std::string_view reason) {
  const auto source = source_of(owner_.connection());
  core::audit::Record record;
  record.kind = core::audit::Kind::login_failed;
  record.origin = make_ref<core::audit::Origin>(
      core::audit::Origin::Members{.jid = account_.full(), .source = source});
  record.reason = reason;
  owner_.shard().record(std::move(record));
  tell_failure(condition, text_of(condition).in(owner_.language()));
}

void Login::tell_failure(auth::Condition condition, std::string_view text) {
  scram_.reset();
  mechanism_ = nullptr;
  ++exchange_;
  busy_ = false;
  delay_.cancel();
  crypto::wipe(password_);
  std::string out;
  xml::Writer writer(out);
  writer.open("failure", ns::sasl).element(auth::condition_name(condition));
  if (!text.empty()) {
    writer.open("text").attribute("xml:lang", core::tag_of(owner_.language())).text(text).close();
  }
  writer.close();
  owner_.send(out);
  if (condition != auth::Condition::aborted && ++failures_ >= owner_.shard().settings().bad_logins_per_stream) {
    owner_.login_failed_too_often();
  }
}

}  // namespace valise::stream
