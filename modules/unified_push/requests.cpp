// The distributor registers an application, and what ends an endpoint.
#include <algorithm>

#include "base/clock.hpp"
#include "base/crypto.hpp"
#include "core/account_change.hpp"
#include "core/client.hpp"
#include "modules/unified_push/module.hpp"
#include "xml/writer.hpp"

namespace valise::modules::unified_push {
namespace {

using core::StanzaError;

constexpr std::size_t longest_address = 1'000;  // UnifiedPush, "Endpoint"

const StanzaError own_server_only{
    .type = StanzaError::Type::auth,
    .condition = "forbidden",
    .text = {"Accounts register with their own server.", "Un compte s’inscrit auprès de son propre serveur."}};
const StanzaError too_many{.type = StanzaError::Type::wait,
                           .condition = "resource-constraint",
                           .text = {"This account has as many endpoints as it may have.",
                                    "Ce compte a atteint le nombre maximal de points de réception."}};
const StanzaError too_long{.type = StanzaError::Type::modify,
                           .condition = "not-acceptable",
                           .text = {"The address of this account is too long for an endpoint.",
                                    "L’adresse de ce compte est trop longue pour un point de réception."}};

std::string row_of(std::string_view id) { return std::string(row_prefix) + crypto::hex_encode(id); }

storage::Write remove(const core::Account& account, std::string_view id) {
  return storage::RemoveAccountData{account.jid.str(), storage::DataKind::push, row_of(id)};
}

bool is_same_application(const Endpoint& one, const Endpoint& other) {
  return core::is_device(one.agent, one.resource, other.agent, other.resource) &&
         one.application == other.application && one.instance == other.instance;
}

}  // namespace

// Renewed, an endpoint keeps its address.
void UnifiedPush::register_(core::IqRequest request) {
  const auto* session = request.session();
  const auto& rules = rules_of(request.host());
  if (!rules.enabled) return request.error(core::service_unavailable);
  if (session == nullptr || session->jid.domain() != request.host()) return request.error(own_server_only);
  auto wanted = read_register(request.payload());
  if (!wanted) return request.error(wanted.error());
  auto& account = session->account;
  wanted->agent = session->client;
  wanted->resource = session->jid.resource();
  wanted->expires_ms = utc_now_ms() + rules.lifetime_ms;

  auto unit = std::make_unique<core::Unit>();
  auto& all = endpoints(account).by_id;
  std::erase_if(all, [&](const auto& entry) {
    if (entry.second.expires_ms > utc_now_ms() || is_same_application(entry.second, *wanted)) return false;
    unit->writes.push_back(remove(account, entry.first));
    return true;
  });
  const auto found =
      std::ranges::find_if(all, [&](const auto& one) { return is_same_application(one.second, *wanted); });
  const auto id = found == all.end() ? crypto::random_string(id_bytes) : found->first;
  if (found == all.end() && all.size() >= rules.most) return request.error(too_many);
  const auto address = urls_[request.host()] + to_word(shard_.kernel().client_secret, account.jid, id);
  if (address.size() > longest_address) return request.error(too_long);

  std::string answer;
  xml::Writer(answer)
      .open("registered", ns_unified_push)
      .attribute("endpoint", address)
      .attribute("expiration", format_utc(wanted->expires_ms / 1000 * 1'000'000'000))
      .close();
  unit->writes.emplace_back(
      storage::PutAccountData{account.jid.str(), storage::DataKind::push, {row_of(id), encode(*wanted)}});
  unit->record = core::about_account(account.jid, "endpoint-registered", session->origin);
  const bool is_new = found == all.end();
  all[id] = std::move(*wanted);
  unit->done = [this, jid = account.jid, id, is_new, answer = std::move(answer),
                request = std::move(request)](core::Unit& finished) mutable {
    if (finished.outcome) return request.result(std::move(answer));
    auto* loaded = shard_.find_account(jid.bare());
    if (loaded != nullptr && is_new) endpoints(*loaded).by_id.erase(id);
    request.error(core::store_away);
  };
  shard_.commit_in_order(account, std::move(unit), sizeof(core::Unit));
}

void UnifiedPush::forget(core::Account& account, const std::vector<std::string>& ids) {
  auto unit = std::make_unique<core::Unit>();
  for (const auto& id : ids) {
    if (endpoints(account).by_id.erase(id) != 0) unit->writes.push_back(remove(account, id));
  }
  if (unit->writes.empty()) return;
  unit->record = core::about_account(account.jid, "endpoint-revoked");
  unit->done = [](core::Unit&) {};
  shard_.commit_in_order(account, std::move(unit), 0);
}

// XEP-0494 §3.2.
void UnifiedPush::revoked(core::Account& account, std::string_view agent, std::string_view resource) {
  std::vector<std::string> ids;
  for (const auto& [id, endpoint] : endpoints(account).by_id) {
    if (core::is_device(endpoint.agent, endpoint.resource, agent, resource)) ids.push_back(id);
  }
  forget(account, ids);
}

}  // namespace valise::modules::unified_push
