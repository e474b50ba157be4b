#include "modules/clients/clients.hpp"

#include "modules/clients/module.hpp"

namespace valise::modules {
namespace clients {
namespace {

using Flag = config::Declaration<bool>;
constexpr std::int64_t hour_s = 3'600;
constexpr std::int64_t day_s = 24 * hour_s;

const config::Option<bool> tokens{
    Flag{.name = "clients.tokens",
         .otherwise = true,
         .reason = "give clients tokens for a fast log-in (XEP-0484), so that they need not keep the password",
         .reload = config::Reload::live}};
const config::Option<std::int64_t> token_lifetime{
    {.name = "clients.token_lifetime",
     .otherwise = 21 * day_s,
     .reason = "a device that stays away for longer asks for the password",
     .unit = config::Unit::seconds,
     .min = 60,
     .max = 365 * day_s,
     .reload = config::Reload::live,
     .needs = {{"clients.tokens"}}}};
const config::Option<std::int64_t> token_rotation{{.name = "clients.token_rotation",
                                                   .otherwise = day_s,
                                                   .reason = "a token that is older is replaced when it is used; 0: at "
                                                             "each log-in, which costs the store a write",
                                                   .unit = config::Unit::seconds,
                                                   .min = 0,
                                                   .max = 365 * day_s,
                                                   .reload = config::Reload::live,
                                                   .needs = {{"clients.tokens"}}}};
const config::Option<std::int64_t> keep{{.name = "clients.keep",
                                         .otherwise = 90 * day_s,
                                         .reason = "what is known of a client that does not come any more",
                                         .unit = config::Unit::seconds,
                                         .min = 60,
                                         .max = 3'650 * day_s,
                                         .reload = config::Reload::live}};
const config::Option<bool> names{
    Flag{.name = "clients.names",
         .otherwise = true,
         .reason = "keep what clients call themselves and their device, for their owner's list",
         .reload = config::Reload::live}};
const config::Option<std::int64_t> most{{.name = "clients.max",
                                         .otherwise = 50,
                                         .reason = "clients of an account; a new one takes the place of the one that "
                                                   "was away for longest",
                                         .min = 1,
                                         .max = 1'000,
                                         .reload = config::Reload::live}};

Result<std::unique_ptr<core::Part>> load(storage::Reader& reader, const std::string& jid) {
  const auto rows = reader.account_data(jid, storage::DataKind::client);
  if (!rows) return std::unexpected(rows.error());
  auto known = std::make_unique<Known>();
  for (const auto& row : *rows) {
    auto client = core::decode_client(row.name, row.value);
    if (!client) continue;  // not ours: it opens nothing
    const auto last = client->last_ms;
    known->by_agent.emplace(row.name, Known::Entry{std::move(*client), last});
  }
  if (known->by_agent.empty()) return nullptr;
  return known;
}

}  // namespace

void ClientsModule::start(core::Registrar& registrar) {
  slot_ = registrar.account_part(load);
  session_slot_ = registrar.session_part();
  registrar.iq(core::IqTarget::account, "get", "list", ns_cam,
               [this](core::IqRequest request) { list(std::move(request)); });
  registrar.iq(core::IqTarget::account, "set", "revoke", ns_cam,
               [this](core::IqRequest request) { revoke(std::move(request)); });
  registrar.on_session(core::SessionEvent::detached, [this](core::Session& session) { moved(session, true); });
  registrar.on_session(core::SessionEvent::resumed, [this](core::Session& session) { moved(session, false); });
  registrar.on_session(core::SessionEvent::closed, [this](core::Session& session) { closed(session); });
  shard_.publish<core::Clients>(*this);
}

void ClientsModule::configure(const config::Snapshot& snapshot) {
  rules_ = {.tokens = snapshot.get(tokens),
            .names = snapshot.get(names),
            .lifetime_ms = snapshot.get(token_lifetime) * 1000,
            .rotation_ms = snapshot.get(token_rotation) * 1000,
            .keep_ms = snapshot.get(keep) * 1000,
            .most = static_cast<std::size_t>(snapshot.get(most))};
}

}  // namespace clients

const core::Manifest& clients_manifest() {
  using namespace clients;
  static const core::Manifest manifest{
      .name = "clients",
      .summary = "an account's clients: their owner sees them and takes their access back; tokens for a fast log-in",
      .implements = {{"XEP-0484", "0.2.0"}, {"XEP-0494", "0.1.0", core::Completeness::partial}},
      .server_features = {ns_cam},
      .options =
          [](config::Registry& registry) {
            registry.add(tokens);
            registry.add(token_lifetime);
            registry.add(token_rotation);
            registry.add(keep);
            registry.add(names);
            registry.add(most);
          },
      .make = [](core::Shard& shard) -> std::unique_ptr<core::Module> {
        return std::make_unique<clients::ClientsModule>(shard);
      },
  };
  return manifest;
}

}  // namespace valise::modules
