#include "modules/push/push.hpp"

#include <algorithm>

#include "config/checks.hpp"
#include "config/findings.hpp"
#include "core/named_accounts.hpp"
#include "modules/push/module.hpp"

namespace valise::modules {
namespace push {
namespace {

using Flag = config::Declaration<bool>;

std::string check_service(std::string_view text) {
  const auto jid = core::Jid::parse(text);
  return jid && jid->is_bare() ? "" : "an account or a domain, without a resource, is meant";
}

const config::Option<bool> enabled{
    Flag{.name = "push.enabled",
         .otherwise = true,
         .reason = "devices that are away may be told through a push service that something came (XEP-0357)",
         .reload = config::Reload::live}};
const config::Option<config::Strings> services{
    {.name = "push.services",
     .otherwise = {},
     .reason = "accounts or domains whose sessions may be push services; empty: every account of this server",
     .max = 64,
     .check = &check_service,
     .reload = config::Reload::live,
     .needs = {{"push.enabled"}}}};
const config::Option<bool> sender{
    Flag{.name = "push.sender",
         .otherwise = false,
         .reason = "tell push services who wrote last; what was written they are never told",
         .reload = config::Reload::live,
         .needs = {{"push.enabled"}}}};
const config::Option<bool> inactive{
    Flag{.name = "push.inactive",
         .otherwise = true,
         .reason = "a device whose client says that nobody looks at it (XEP-0352) is told, too",
         .reload = config::Reload::live,
         .needs = {{"push.enabled"}}}};
const config::Option<std::int64_t> most{{.name = "push.max",
                                         .otherwise = 10,
                                         .reason = "nodes of an account; a new one takes the place of the one that was "
                                                   "enabled longest ago",
                                         .min = 1,
                                         .max = 100,
                                         .reload = config::Reload::live,
                                         .needs = {{"push.enabled"}}}};
const config::Option<std::int64_t> interval{{.name = "push.interval",
                                             .otherwise = 2,
                                             .reason = "between two notifications to a node; what comes meanwhile is "
                                                       "told together",
                                             .unit = config::Unit::seconds,
                                             .min = 0,
                                             .max = 3'600,
                                             .reload = config::Reload::live,
                                             .needs = {{"push.enabled"}}}};
const config::Option<std::int64_t> retry{{.name = "push.retry",
                                          .otherwise = 5,
                                          .reason = "after the first failure in a row; each further one waits twice as "
                                                    "long, an hour at most",
                                          .unit = config::Unit::seconds,
                                          .min = 1,
                                          .max = 3'600,
                                          .reload = config::Reload::live,
                                          .needs = {{"push.enabled"}}}};
const config::Option<std::int64_t> attempts{{.name = "push.attempts",
                                             .otherwise = 12,
                                             .reason = "failures in a row after which a node is disabled",
                                             .min = 1,
                                             .max = 100,
                                             .reload = config::Reload::live,
                                             .needs = {{"push.enabled"}}}};

void check(const config::Snapshot& snapshot, config::Findings& findings) {
  core::check_hosts_of(services, snapshot, findings, &config::Findings::warning);
}

Result<std::unique_ptr<core::Part>> load(storage::Reader& reader, const std::string& jid) {
  const auto rows = reader.account_data(jid, storage::DataKind::push);
  if (!rows) return std::unexpected(rows.error());
  auto part = std::make_unique<Registrations>();
  for (const auto& row : *rows) {
    if (!row.name.starts_with(row_prefix)) continue;
    if (auto registration = decode(row.value)) part->by_row.emplace(row.name, std::move(*registration));
  }
  if (part->by_row.empty()) return nullptr;
  return part;
}

}  // namespace

bool is_of(const Registration& registration, const core::Session& session) {
  if (!registration.agent.empty() && session.client == registration.agent) return true;
  return session.jid.resource() == registration.resource;
}

bool is_there(const Registration& registration, const core::Account& account, bool inactive) {
  return std::ranges::any_of(account.sessions, [&](const core::Session* session) {
    const bool looked_at = session->outlet == nullptr || inactive;
    return session->available && looked_at && session->stream.connected() && is_of(registration, *session);
  });
}

void PushModule::start(core::Registrar& registrar) {
  slot_ = registrar.account_part(load);
  registrar.iq(core::IqTarget::account, "set", "enable", ns_push,
               [this](core::IqRequest request) { enable(std::move(request)); });
  registrar.iq(core::IqTarget::account, "set", "disable", ns_push,
               [this](core::IqRequest request) { disable(std::move(request)); });
  registrar.arrivals(*this);
  registrar.on_session(core::SessionEvent::detached, [this](core::Session& session) { detached(session); });
  registrar.on_session(core::SessionEvent::resumed, [this](core::Session& session) { back(session); });
  // In the loop's first turn every module has published what others look for.
  shard_.post([this] {
    if (auto* presence = shard_.service<core::PresenceEvents>()) {
      presence->on_available([this](core::Session& session, bool) { back(session); });
    }
    if (auto* clients = shard_.service<core::Clients>()) {
      clients->on_revoked([this](core::Account& account, std::string_view agent, std::string_view resource) {
        revoked(account, agent, resource);
      });
    }
  });
}

void PushModule::configure(const config::Snapshot& snapshot) {
  rules_ = {.enabled = snapshot.get(enabled),
            .sender = snapshot.get(sender),
            .inactive = snapshot.get(inactive),
            .services = {},
            .most = static_cast<std::size_t>(snapshot.get(most)),
            .interval_ms = snapshot.get(interval) * 1000,
            .retry_ms = snapshot.get(retry) * 1000,
            .attempts = static_cast<unsigned>(snapshot.get(attempts))};
  for (const auto& text : snapshot.get(services)) {
    if (auto jid = core::Jid::parse(text)) rules_.services.push_back(jid->str());
  }
  core::warn_of_missing_accounts(shard_, snapshot, services);
}

core::Features PushModule::features(const std::string&) const {
  core::Features features;
  if (rules_.enabled) features.account.push_back(ns_push);
  return features;
}

void PushModule::arrived(core::Account& account, const core::Jid& from, bool again) {
  auto* const mine = account.part<Registrations>(slot_);
  if (!rules_.enabled || mine == nullptr) return;
  for (auto& [row, registration] : mine->by_row) {
    if (is_there(registration, account, !rules_.inactive)) {
      registration.missed = registration.told_of = 0;
      continue;
    }
    if (!again || registration.missed == 0) ++registration.missed;
    registration.last_sender = from.to_bare();
    tell(account, row, registration);
  }
}

// Its person sees what came.
void PushModule::back(core::Session& session) {
  auto* const mine = session.account.part<Registrations>(slot_);
  if (!session.available || session.outlet != nullptr || mine == nullptr) return;
  for (auto& [row, registration] : mine->by_row) {
    if (!is_of(registration, session)) continue;
    registration.missed = registration.told_of = 0;
    end(session.account.jid, row);
  }
}

// What its client had not acknowledged may never have come to it.
void PushModule::detached(core::Session& session) {
  if (!rules_.enabled || !session.account.exists) return;
  const auto news = session.stream.held_news();
  if (news == 0) return;
  for (auto& [row, registration] : registrations(session.account).by_row) {
    if (!is_of(registration, session) || is_there(registration, session.account, true)) continue;
    registration.missed = std::max(registration.missed, news);
    tell(session.account, row, registration);
  }
}

}  // namespace push

const core::Manifest& push_manifest() {
  using namespace push;
  static const core::Manifest manifest{
      .name = "push",
      .summary = "Tells devices that are away that something came, and nothing of what.",
      .implements = {{"XEP-0357", "0.4.1"}},
      .options =
          [](config::Registry& registry) {
            registry.add(enabled);
            registry.add(services);
            registry.add(sender);
            registry.add(inactive);
            registry.add(most);
            registry.add(interval);
            registry.add(retry);
            registry.add(attempts);
          },
      .check = &push::check,
      .make = [](core::Shard& shard) -> std::unique_ptr<core::Module> {
        return std::make_unique<push::PushModule>(shard);
      },
  };
  return manifest;
}

}  // namespace valise::modules
