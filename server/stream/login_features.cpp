// What a stream offers for the log-in (RFC 6120 §6.4.1, XEP-0388 §2.1, XEP-0440, XEP-0474, XEP-0509).
#include <algorithm>

#include "base/crypto.hpp"
#include "core/auth/external.hpp"
#include "core/hooks.hpp"
#include "core/jid/domain.hpp"
#include "core/namespaces.hpp"
#include "core/services.hpp"
#include "net/tls/client_certificate.hpp"
#include "net/tls/session.hpp"
#include "stream/login.hpp"
#include "xml/writer.hpp"

namespace valise::stream {
namespace ns = core::ns;
namespace auth = core::auth;

// The certificate was checked against the authorities of the host whose own was shown: it counts for that host's
// streams.
std::vector<core::Jid> Login::read_certificate() const {
  const auto* ssl = owner_.connection().ssl();
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
  if (mechanism.kind == auth::Mechanism::Kind::token) {  // XEP-0484 §3.1
    const auto* clients = owner_.shard().service<core::Clients>();
    return clients != nullptr && clients->gives_tokens() &&
           (mechanism.binding.empty() || binding(mechanism) != nullptr);
  }
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
  append_authentication(out);
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

const auth::ChannelBinding* Login::binding(const auth::Mechanism& mechanism) const {
  const auto found = std::ranges::find(bindings_, mechanism.binding, &auth::ChannelBinding::name);
  return found == bindings_.end() ? nullptr : &*found;
}

// XEP-0388 §2.1. The same for everybody: what an account has is not told before its password is known.
void Login::append_authentication(std::string& out) const {
  xml::Writer writer(out);
  writer.open("authentication", ns::sasl_2);
  for (const auto* mechanism : shared_.mechanisms) {
    if (offered(*mechanism)) writer.element("mechanism", {}, mechanism->name);
  }
  writer.open("inline").element("sm", ns::stream_management);  // XEP-0198 §9.2
  writer.open("bind", ns::bind_2).open("inline");              // XEP-0386 §3.1
  writer.open("feature").attribute("var", ns::stream_management).close();
  std::string_view last;
  for (const auto& one : owner_.shard().hooks().bind_features) {
    if (one.offered && !one.offered(owner_.domain())) continue;
    if (one.feature != last) writer.open("feature").attribute("var", one.feature).close();
    last = one.feature;
  }
  writer.close().close();
  const auto given = [this](const auto& mechanism) { return offered(mechanism); };
  if (std::ranges::any_of(auth::token_mechanisms(), given)) {
    writer.open("fast", ns::fast);
    for (const auto& mechanism : auth::token_mechanisms()) {
      if (offered(mechanism)) writer.element("mechanism", {}, mechanism.name);
    }
    writer.close();
  }
  writer.close();
  for (const auto hash : auth::all_hashes) {  // XEP-0480 §2.1
    if (may_upgrade(hash)) writer.element("upgrade", ns::sasl_upgrade, upgrade_task(hash));
  }
  writer.close();
}

std::string Login::upgrade_task(crypto::Hash hash) { return "UPGR-SCRAM-" + std::string(auth::hash_name(hash)); }

bool Login::may_upgrade(crypto::Hash hash) const {
  return std::ranges::any_of(shared_.mechanisms, [&](const auto* one) {
    return one->kind == auth::Mechanism::Kind::scram && one->hash == hash && !one->plus && offered(*one);
  });
}

std::string Login::config_version(std::string_view features) {
  config_version_ = crypto::base64_encode(crypto::digest(crypto::Hash::sha256, features).substr(0, 18));
  std::string out;
  xml::Writer(out)
      .open("config-version", ns::iap)
      .attribute("scheme", "opaque")
      .attribute("value", config_version_)
      .close();
  return out;
}

}  // namespace valise::stream
