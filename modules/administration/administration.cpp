#include "modules/administration/administration.hpp"

#include "modules/administration/module.hpp"

namespace valise::modules {
namespace administration {

using core::StanzaError;

StanzaError refusal(StanzaError::Type type, std::string_view condition, core::Text text) {
  return {.type = type, .condition = condition, .text = text};
}
StanzaError no_such_account() {
  return refusal(StanzaError::Type::cancel, "item-not-found",
                 {"There is no such account on this host.", "Ce compte n’existe pas sur cet hôte."});
}
StanzaError try_later() {
  return refusal(StanzaError::Type::wait, "resource-constraint",
                 {"Please try again later.", "Veuillez réessayer plus tard."});
}

commands::Command command(std::string_view name, core::Text title, commands::Form form,
                          std::function<void(Execution)> run) {
  return {.node = std::string(ns_admin) + "#" + std::string(name),
          .name = title,
          .role = commands::Role::administrator,
          .stages = 1,
          .ask = [form = std::move(form)](const commands::Values&, unsigned) { return form; },
          .run = std::move(run)};
}

namespace {
// An administrator of one host has no say on another.
bool is_account_of(const core::Jid& jid, const std::string& host, bool with_resource) {
  return jid.has_local() && jid.domain() == host && (with_resource || jid.is_bare());
}
}  // namespace

std::optional<core::Jid> account_of(Execution& execution, std::string_view field) {
  const auto jid = core::Jid::parse(execution.values().text(field));
  if (jid && is_account_of(*jid, execution.host(), false)) return *jid;
  execution.refuse(no_such_account());
  return std::nullopt;
}

std::vector<core::Jid> accounts_of(Execution& execution, bool with_resource) {
  std::vector<core::Jid> addresses;
  const auto& texts = execution.values().all("accountjids");
  for (const auto& text : texts) {
    auto jid = core::Jid::parse(text);
    if (jid && is_account_of(*jid, execution.host(), with_resource)) addresses.push_back(std::move(*jid));
  }
  if (texts.size() > most_accounts) {
    execution.refuse(refusal(StanzaError::Type::modify, "policy-violation",
                             {"At most a hundred at once.", "Cent à la fois au plus."}));
    return {};
  }
  if (addresses.size() == texts.size()) return addresses;
  execution.refuse(no_such_account());  // nothing was done
  return {};
}

namespace {

class Administration final : public core::Module {
 public:
  explicit Administration(core::Shard& shard) : shard_(shard) {}
  void start(core::Registrar&) override {
    auto* commands = shard_.service<commands::Commands>();
    if (commands == nullptr) return;
    declare_accounts(*commands);
    declare_people(*commands);
  }

 private:
  core::Shard& shard_;
};

}  // namespace
}  // namespace administration

const core::Manifest& administration_manifest() {
  static const core::Manifest manifest{
      .name = "administration",
      .summary =
          "administrators add, disable and remove accounts, end sessions and see who is there, from their client",
      .implements = {{"XEP-0133", "1.3.1", core::Completeness::partial}},
      .make = [](core::Shard& shard) -> std::unique_ptr<core::Module> {
        return std::make_unique<administration::Administration>(shard);
      },
  };
  return manifest;
}

}  // namespace valise::modules
