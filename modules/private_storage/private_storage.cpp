// XEP-0049: the manifest.
#include "modules/private_storage/private_storage.hpp"

#include "config/options.hpp"
#include "modules/private_storage/module.hpp"

namespace valise::modules {
namespace private_storage {
namespace {

const config::Option<config::Strings> namespaces_option{
    {.name = "private.namespaces",
     .otherwise = {},
     .reason = "private XML that is kept as it is where only sealed content passes, beside bookmarks and the group "
               "delimiter",
     .min = 0,
     .max = 64,
     .reload = config::Reload::live,
     .needs = {{"sealed.mode", "required"}, {"sealed.mode", "warn"}}}};

const core::StanzaError not_yours{
    .type = core::StanzaError::Type::auth,
    .condition = "forbidden",
    .text = {"Private data is its owner's alone.", "Les données privées n’appartiennent qu’à leur propriétaire."}};

// §2.3: said where the request begins, so that it tells nothing of whom it names.
core::Verdict keep_off(const core::Flow& flow) {
  const auto& iq = *flow.stanza;
  if (iq.type != "set" && iq.type != "get") return nullptr;
  if (!iq.to || !iq.to->has_local() || iq.to->same_bare(iq.from)) return nullptr;
  if (!iq.payload().is("query", ns_private)) return nullptr;
  return core::make_refusal(not_yours, "private-not-yours");
}

}  // namespace

void PrivateStorage::start(core::Registrar& registrar) {
  using core::IqTarget;
  slot_ = registrar.account_part();
  registrar.at(core::Stage::validate, core::Kind::iq, [](core::Flow& flow) { return keep_off(flow); });
  for (const auto* type : {"get", "set"}) {
    registrar.iq(IqTarget::account, type, "query", ns_private, [this](core::IqRequest request) {
      if (!request.from_owner()) return request.error(not_yours);
      take(std::move(request));
    });
  }
}

void PrivateStorage::configure(const config::Snapshot& snapshot) {
  max_bytes_ = static_cast<std::size_t>(snapshot.get(config::options::limits_private));
  max_element_ = static_cast<std::size_t>(snapshot.get(config::options::limits_item));
  opened_ = snapshot.get(namespaces_option);
}

Schema PrivateStorage::schema_of(const core::Account& account) const {
  const auto* host = shard_.host(account.jid.domain());
  return {.sealed = host == nullptr || host->sealed, .opened = opened_};
}

}  // namespace private_storage

const core::Manifest& private_storage_manifest() {
  static const core::Manifest manifest{
      .name = "private_storage",
      .summary = "Keeps private XML: bookmarks and the delimiter of groups; more where the administrator opens it.",
      .implements = {{"XEP-0049", "1.2", core::Completeness::partial}},
      .server_features = {private_storage::ns_private},
      .options = [](config::Registry& registry) { registry.add(private_storage::namespaces_option); },
      .make = [](core::Shard& shard) -> std::unique_ptr<core::Module> {
        return std::make_unique<private_storage::PrivateStorage>(shard);
      },
  };
  return manifest;
}

}  // namespace valise::modules
