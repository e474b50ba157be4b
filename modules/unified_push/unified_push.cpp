#include "modules/unified_push/unified_push.hpp"

#include "base/crypto.hpp"
#include "base/log.hpp"
#include "core/web_address.hpp"
#include "modules/unified_push/module.hpp"

namespace valise::modules {
namespace unified_push {
namespace {

using Flag = config::Declaration<bool>;
constexpr std::int64_t day_s = 86'400;
constexpr std::size_t longest_push = 4'096;  // UnifiedPush: of a message

const config::Option<bool> enabled{
    Flag{.name = "unified_push.enabled",
         .otherwise = false,
         .reason = "applications on people's devices get push messages through this server (UnifiedPush): whoever has "
                   "an endpoint's address may send to it over listen.https",
         .scope = config::Scope::host,
         .reload = config::Reload::live}};
const config::Option<std::int64_t> most{{.name = "unified_push.max",
                                         .otherwise = 50,
                                         .reason = "endpoints of an account",
                                         .min = 1,
                                         .max = 1'000,
                                         .scope = config::Scope::host,
                                         .reload = config::Reload::live,
                                         .needs = {{"unified_push.enabled"}}}};
const config::Option<std::int64_t> lifetime{{.name = "unified_push.lifetime",
                                             .otherwise = 7 * day_s,
                                             .reason = "how long an endpoint holds if its device does not renew it",
                                             .unit = config::Unit::seconds,
                                             .min = 1,
                                             .max = 366 * day_s,
                                             .scope = config::Scope::host,
                                             .reload = config::Reload::live,
                                             .needs = {{"unified_push.enabled"}}}};
const config::Option<std::int64_t> per_minute{{.name = "unified_push.per_minute",
                                               .otherwise = 60,
                                               .reason = "messages to one endpoint, on average and at once; more are "
                                                         "refused (429)",
                                               .min = 1,
                                               .max = 6'000,
                                               .scope = config::Scope::host,
                                               .reload = config::Reload::live,
                                               .needs = {{"unified_push.enabled"}}}};

void check(const config::Snapshot& snapshot, config::Findings& findings) {
  core::needs_web_listener(snapshot, enabled, findings);
}

Result<std::unique_ptr<core::Part>> load(storage::Reader& reader, const std::string& jid) {
  const auto rows = reader.account_data(jid, storage::DataKind::push);
  if (!rows) return std::unexpected(rows.error());
  auto part = std::make_unique<Endpoints>();
  for (const auto& row : *rows) {
    if (!row.name.starts_with(row_prefix)) continue;
    auto id = crypto::hex_decode(std::string_view(row.name).substr(row_prefix.size()));
    auto endpoint = decode(row.value);
    if (id && endpoint) part->by_id.emplace(std::move(*id), std::move(*endpoint));
  }
  if (part->by_id.empty()) return nullptr;
  return part;
}

}  // namespace

void UnifiedPush::start(core::Registrar& registrar) {
  slot_ = registrar.account_part(load);
  registrar.iq(core::IqTarget::server, "set", "register", ns_unified_push,
               [this](core::IqRequest request) { register_(std::move(request)); });
  shard_.publish<UnifiedPush>(*this);  // for the other shards
  if (auto* router = shard_.service<http::Router>()) {
    const auto added = router->add({.methods = {http::Method::get, http::Method::post},
                                    .path = std::string(path),
                                    .longest_body = longest_push,
                                    .handler = [this](http::Exchange exchange) { on_http(std::move(exchange)); }});
    if (!added) log::error("unified_push", "{}", added.error().text);
  }
  // In the loop's first turn every module has published what others look for.
  shard_.post([this] {
    if (auto* clients = shard_.service<core::Clients>()) {
      clients->on_revoked([this](core::Account& account, std::string_view agent, std::string_view resource) {
        revoked(account, agent, resource);
      });
    }
  });
}

void UnifiedPush::configure(const config::Snapshot& snapshot) {
  rules_.clear();
  urls_.clear();
  for (const auto& host : snapshot.hosts()) {
    rules_[host] = {.enabled = snapshot.get(enabled, host),
                    .most = static_cast<std::size_t>(snapshot.get(most, host)),
                    .lifetime_ms = snapshot.get(lifetime, host) * 1000,
                    .per_minute = snapshot.get(per_minute, host)};
    urls_[host] = core::web_address(snapshot, host) + std::string(path);
  }
}

const Rules& UnifiedPush::rules_of(std::string_view host) const {
  static const Rules off;
  const auto found = rules_.find(std::string(host));
  return found == rules_.end() ? off : found->second;
}

core::Features UnifiedPush::features(const std::string& host) const {
  core::Features features;
  if (rules_of(host).enabled) features.server.push_back(ns_unified_push);
  return features;
}

}  // namespace unified_push

const core::Manifest& unified_push_manifest() {
  using namespace unified_push;
  static const core::Manifest manifest{
      .name = "unified_push",
      .summary = "hands what applications' servers push (UnifiedPush) to the device that distributes it",
      .implements = {{"UnifiedPush", "1.2.0", core::Completeness::partial}},
      .options =
          [](config::Registry& registry) {
            registry.add(enabled);
            registry.add(most);
            registry.add(lifetime);
            registry.add(per_minute);
          },
      .check = &check,
      .make = [](core::Shard& shard) -> std::unique_ptr<core::Module> {
        return std::make_unique<unified_push::UnifiedPush>(shard);
      },
  };
  return manifest;
}

}  // namespace valise::modules
