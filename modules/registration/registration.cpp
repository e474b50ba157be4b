#include "modules/registration/registration.hpp"

#include "base/crypto.hpp"
#include "core/auth/brake.hpp"
#include "core/auth/password.hpp"
#include "modules/registration/module.hpp"

namespace valise::modules {
namespace registration {
namespace {

using Flag = config::Declaration<bool>;

const config::Option<bool> enabled{
    Flag{.name = "registration.enabled",
         .otherwise = false,
         .reason = "let strangers make accounts (XEP-0077); for benchmarks and test suites",
         .scope = config::Scope::host,
         .reload = config::Reload::live,
         .needs = {{"tls.client_certificates", "off"}, {"tls.client_certificates", "ask"}}}};
const config::Option<bool> allow_password{
    Flag{.name = "registration.change_password",
         .otherwise = true,
         .reason = "let people change their own password from their client; off where another system keeps it",
         .scope = config::Scope::host,
         .reload = config::Reload::live}};
const config::Option<bool> allow_removal{
    Flag{.name = "registration.remove",
         .otherwise = true,
         .reason = "let people remove their own account, for good; off where only an administrator may",
         .scope = config::Scope::host,
         .reload = config::Reload::live}};
const config::Option<bool> ends_sessions{
    Flag{.name = "registration.password_ends_sessions",
         .otherwise = true,
         .reason = "a new password ends the account's other sessions: whoever got in with the old one is out",
         .reload = config::Reload::live}};
const config::Option<std::int64_t> passwords_per_hour{
    {.name = "registration.passwords_per_hour",
     .otherwise = 10,
     .reason = "new passwords of an account that its owner may set; each costs the server three PBKDF2",
     .unit = config::Unit::per_hour,
     .min = 1,
     .max = 10'000,
     .reload = config::Reload::live}};

unsigned legacy_code(std::string_view condition) {
  if (condition == "bad-request") return 400;
  if (condition == "not-authorized") return 401;
  if (condition == "forbidden") return 403;
  if (condition == "not-allowed") return 405;
  if (condition == "not-acceptable") return 406;
  if (condition == "registration-required") return 407;
  if (condition == "conflict") return 409;
  return 500;  // resource-constraint
}

}  // namespace

core::StanzaError refusal(core::StanzaError::Type type, std::string_view condition, core::Text text) {
  core::StanzaError error{.type = type, .condition = condition, .text = text};
  error.legacy_code = legacy_code(condition);
  return error;
}

std::optional<core::StanzaError> short_password(const core::Shard& shard, std::string_view host,
                                                std::string_view password) {
  auto error = core::too_short(shard, host, password);
  if (error) error->legacy_code = legacy_code(error->condition);
  return error;
}

RegistrationModule::RegistrationModule(core::Shard& shard)
    : shard_(shard), retry_([](void* self) { static_cast<RegistrationModule*>(self)->try_again(); }, this) {}

void RegistrationModule::start(core::Registrar& registrar) {
  slot_ = registrar.account_part();
  // §3.3 asks the domain; §3.2 leaves the address out, which is the account.
  for (const auto target : {core::IqTarget::server, core::IqTarget::account}) {
    registrar.iq(target, "get", "query", ns_register, [this](core::IqRequest request) { get(std::move(request)); });
    registrar.iq(target, "set", "query", ns_register, [this](core::IqRequest request) { set(std::move(request)); });
  }
  shard_.publish<core::Registration>(*this);
  shard_.publish<core::StrangerRequests>(*this);
  shard_.publish<RegistrationModule>(*this);
  if (shard_.index() == 0) shard_.post([this] { resume(); });
}

void RegistrationModule::configure(const config::Snapshot& snapshot) {
  hosts_.clear();
  for (const auto& host : snapshot.hosts()) {
    // Where only a client certificate logs in, a stranger's password would open nothing.
    const auto* settings = shard_.host(host);
    const bool passwords = settings == nullptr || !settings->only_certificates;
    hosts_[host] = {snapshot.get(enabled, host) && passwords, snapshot.get(allow_password, host),
                    snapshot.get(allow_removal, host)};
  }
  passwords_per_hour_ = static_cast<std::uint32_t>(snapshot.get(passwords_per_hour));
  password_ends_sessions_ = snapshot.get(ends_sessions);
}

const HostRules& RegistrationModule::rules(std::string_view host) const {
  static const HostRules none;
  const auto found = hosts_.find(std::string(host));
  return found == hosts_.end() ? none : found->second;
}

core::Features RegistrationModule::features(const std::string& host) const {
  const auto& allowed = rules(host);
  if (!allowed.enabled && !allowed.change_password && !allowed.remove) return {};
  return {.server = {ns_register}, .account = {}};
}

std::string RegistrationModule::stream_features_before_login(const std::string& host) const {
  if (!is_open(host)) return {};  // XEP-0445 §3 shows it beside the feature of invitations
  return "<register xmlns='http://jabber.org/features/iq-register'/>";
}

bool RegistrationModule::make_keys(const core::Share& share, std::string password,
                                   std::move_only_function<void(Keys)> then) {
  return shard_.compute(
      share,
      [password = std::move(password), rounds = shard_.settings().scram_iterations]() mutable -> Keys {
        auto keys = core::auth::make_keys(password, rounds);
        crypto::wipe(password);
        return keys;
      },
      std::move(then));
}

void RegistrationModule::set_keys(core::Account& account, std::vector<storage::ScramKey> keys,
                                  core::audit::Record record, std::uint64_t keep,
                                  std::move_only_function<void(Result<>)> done) {
  auto write = storage::SetAccountKeys{account.jid.str(), std::move(keys)};
  ++account.ensure_part<Recent>(slot_).being_kept;
  core::change_account(shard_, account, {std::move(write), std::move(record), std::nullopt},
                       [this, jid = account.jid, keep, done = std::move(done)](Result<> outcome) mutable {
                         if (auto* kept = shard_.find_account(jid.bare()))
                           --kept->ensure_part<Recent>(slot_).being_kept;
                         const bool changed = outcome.has_value();
                         done(std::move(outcome));
                         if (!changed) return;
                         if (auto* brake = shard_.kernel().brake) brake->forget(jid.full());
                         auto* now = shard_.find_account(jid.bare());
                         if (now == nullptr || !password_ends_sessions_) return;
                         // RFC 6120 §4.9.3.16: what the stream's security rests on was taken back.
                         core::end_sessions(*now, "reset", "the password was changed", keep);
                       });
}

namespace {
std::unique_ptr<core::Module> make(core::Shard& shard) { return std::make_unique<RegistrationModule>(shard); }
}  // namespace

}  // namespace registration

const core::Manifest& registration_manifest() {
  using namespace registration;
  static const core::Manifest manifest{
      .name = "registration",
      .summary = "accounts that people make, where allowed, give a new password and remove themselves",
      .implements = {{"XEP-0077", "2.4", core::Completeness::partial}},
      .options =
          [](config::Registry& registry) {
            registry.add(enabled);
            registry.add(allow_password);
            registry.add(allow_removal);
            registry.add(ends_sessions);
            registry.add(passwords_per_hour);
          },
      .make = &registration::make,
  };
  return manifest;
}

}  // namespace valise::modules
