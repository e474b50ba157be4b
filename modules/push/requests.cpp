// <enable/> and <disable/> (XEP-0357 §5, §6), and what ends a registration otherwise.
#include <algorithm>

#include "base/clock.hpp"
#include "core/account_change.hpp"
#include "core/client.hpp"
#include "modules/push/module.hpp"

namespace valise::modules::push {
namespace {

using core::StanzaError;

constexpr std::int64_t late_ms = 24 * 3'600'000;  // so old may enabled_ms be in the store

const StanzaError not_reached{
    .type = StanzaError::Type::cancel,
    .condition = "remote-server-not-found",
    .text = {"This server does not talk to that domain.", "Ce serveur ne communique pas avec ce domaine."}};
const StanzaError no_push_service{
    .type = StanzaError::Type::cancel,
    .condition = "service-unavailable",
    .text = {"Push services here are sessions: an address with a resource.",
             "Ici, un service de notification est une session : une adresse avec ressource."}};
const StanzaError not_allowed{
    .type = StanzaError::Type::cancel,
    .condition = "not-allowed",
    .text = {"This push service is not allowed here.", "Ce service de notification n’est pas autorisé ici."}};

storage::Write put(const core::Account& account, const std::string& row, const Registration& registration) {
  return storage::PutAccountData{account.jid.str(), storage::DataKind::push, {row, encode(registration)}};
}

storage::Write remove(const core::Account& account, const std::string& row) {
  return storage::RemoveAccountData{account.jid.str(), storage::DataKind::push, row};
}

}  // namespace

const StanzaError* PushModule::refusal_of(const core::Jid& service) const {
  if (shard_.host(service.domain()) == nullptr) return &not_reached;
  if (!service.has_local() || service.is_bare()) return &no_push_service;
  const auto& allowed = rules_.services;
  const auto names = [&](std::string_view text) { return std::ranges::find(allowed, text) != allowed.end(); };
  if (!allowed.empty() && !names(service.bare()) && !names(service.domain())) return &not_allowed;
  return nullptr;
}

// The one that was enabled longest ago goes, others' first: that of a device which enables again does not.
std::vector<storage::Write> PushModule::make_room(core::Account& account, const std::string& newcomer) {
  std::vector<storage::Write> writes;
  auto& all = registrations(account).by_row;
  while (all.size() > rules_.most) {
    auto oldest = all.end();
    for (auto it = all.begin(); it != all.end(); ++it) {
      if (it->first == newcomer) continue;
      if (oldest == all.end() || it->second.enabled_ms < oldest->second.enabled_ms) oldest = it;
    }
    if (oldest == all.end()) break;
    writes.push_back(remove(account, oldest->first));
    end(account.jid, oldest->first);
    all.erase(oldest);
  }
  return writes;
}

void PushModule::enable(core::IqRequest request) {
  if (!request.from_owner() || request.session() == nullptr || !rules_.enabled) {
    return request.error(core::service_unavailable);
  }
  auto wanted = read_enable(request.payload());
  if (!wanted) return request.error(wanted.error());
  if (const auto* refusal = refusal_of(wanted->service)) return request.error(*refusal);
  auto& account = *request.account();
  wanted->agent = request.session()->client;
  wanted->resource = request.session()->jid.resource();
  wanted->enabled_ms = utc_now_ms();
  auto row = row_of(wanted->service, wanted->node);
  auto& all = registrations(account).by_row;
  for (const auto& [_, other] : all)
    wanted->enabled_ms = std::max(wanted->enabled_ms, other.enabled_ms + 1);  // an order
  const auto found = all.find(row);
  const bool same = found != all.end() && found->second.says_the_same(*wanted);
  if (same && wanted->enabled_ms - found->second.enabled_ms < late_ms) return request.result();

  auto unit = std::make_unique<core::Unit>();
  unit->record = core::about_account(account.jid, "push-enabled", request.origin());
  unit->writes.push_back(put(account, row, *wanted));
  all[row] = std::move(*wanted);
  std::ranges::move(make_room(account, row), std::back_inserter(unit->writes));
  unit->done = [this, row, request = std::move(request)](core::Unit& finished) mutable {
    if (finished.outcome) return request.result();
    // §6: of what is not enabled nobody is told.
    if (auto* loaded = shard_.find_account(request.from().bare())) registrations(*loaded).by_row.erase(row);
    request.error(core::store_away);
  };
  shard_.commit_in_order(account, std::move(unit), sizeof(core::Unit));
}

void PushModule::disable(core::IqRequest request) {
  if (!request.from_owner()) return request.error(core::service_unavailable);
  const auto wanted = read_disable(request.payload());
  if (!wanted) return request.error(wanted.error());
  auto& account = *request.account();
  auto unit = std::make_unique<core::Unit>();
  std::erase_if(registrations(account).by_row, [&](const auto& entry) {
    const auto& [row, registration] = entry;
    if (registration.service != wanted->service) return false;
    if (wanted->node && *wanted->node != registration.node) return false;
    unit->writes.push_back(remove(account, row));
    end(account.jid, row);
    return true;
  });
  if (unit->writes.empty()) return request.result();
  unit->record = core::about_account(account.jid, "push-disabled", request.origin());
  unit->done = [request = std::move(request)](core::Unit& finished) mutable {
    if (finished.outcome) return request.result();
    request.error(core::store_away);
  };
  shard_.commit_in_order(account, std::move(unit), sizeof(core::Unit));
}

void PushModule::forget(core::Account& account, const std::vector<std::string>& rows, std::string reason) {
  auto unit = std::make_unique<core::Unit>();
  for (const auto& row : rows) {
    if (registrations(account).by_row.erase(row) == 0) continue;
    unit->writes.push_back(remove(account, row));
    end(account.jid, row);
  }
  if (unit->writes.empty()) return;
  unit->record = core::about_account(account.jid, std::move(reason));
  unit->done = [](core::Unit&) {};
  shard_.commit_in_order(account, std::move(unit), 0);
}

// XEP-0494 §3.2: who has no access any more is told of nothing.
void PushModule::revoked(core::Account& account, std::string_view agent, std::string_view resource) {
  std::vector<std::string> rows;
  for (const auto& [row, registration] : registrations(account).by_row) {
    if (core::is_device(registration.agent, registration.resource, agent, resource)) rows.push_back(row);
  }
  forget(account, rows, "push-revoked");
}

}  // namespace valise::modules::push
