// What people do from the menu of their client (XEP-0050): look at their devices, and approve a new one from another.
#include <algorithm>

#include "base/clock.hpp"
#include "core/account_change.hpp"
#include "modules/commands/command.hpp"
#include "modules/omemo_devices/module.hpp"

namespace valise::modules::omemo_devices {
namespace {

using commands::Execution;
using commands::Field;
using commands::FieldType;
using core::StanzaError;

constexpr std::string_view ns_devices = "urn:valise:omemo-devices";

const StanzaError no_such_device{.type = StanzaError::Type::cancel,
                                 .condition = "item-not-found",
                                 .text = {"No device of that number waits.", "Aucun appareil de ce numéro n’attend."}};
// It is known by the name under which it published: whoever has the password can take that, too.
const StanzaError from_another{.type = StanzaError::Type::cancel,
                               .condition = "not-allowed",
                               .text = {"Approve it from a device that is in your list already.",
                                        "Approuvez-le depuis un appareil qui est déjà dans votre liste."}};
const StanzaError administrator_approves{
    .type = StanzaError::Type::cancel,
    .condition = "not-allowed",
    .text = {"This device waits for an administrator.", "Cet appareil attend un administrateur."}};
const StanzaError list_is_full{.type = StanzaError::Type::cancel,
                               .condition = "not-allowed",
                               .text = {"Your list of devices is full.", "Votre liste d’appareils est pleine."}};

core::Text state_text(std::string_view state) {
  if (state == "listed") return {"listed", "dans la liste"};
  if (state == "waiting") return {"waits for approval", "attend une approbation"};
  if (state == "revoked") return {"revoked", "révoqué"};
  return {"not in the list", "hors de la liste"};
}

}  // namespace

void OmemoDevicesModule::declare_commands() {
  auto* all = shard_.service<commands::Commands>();
  if (all == nullptr) return;
  all->add({.node = std::string(ns_devices) + "#list",
            .name = {"My OMEMO devices", "Mes appareils OMEMO"},
            .run = [this](Execution execution) {
              auto* account = shard_.find_account(execution.asker().bare());
              if (account == nullptr) return execution.refuse(core::store_away);
              Field field{.name = "devices", .type = FieldType::text_multi, .label = {"Devices", "Appareils"}};
              for (const auto& line : devices(*account)) {
                field.values.push_back(std::to_string(line.id) + " – " +
                                       std::string(state_text(line.state).in(execution.language())) + " – " +
                                       line.fingerprint);
              }
              execution.complete(commands::Form{.title = {"My OMEMO devices", "Mes appareils OMEMO"},
                                                .form_type = ns_devices,
                                                .fields = {std::move(field)}});
            }});
  all->add(
      {.node = std::string(ns_devices) + "#approve",
       .name = {"Approve an OMEMO device", "Approuver un appareil OMEMO"},
       .stages = 1,
       .ask =
           [](const commands::Values&, unsigned) {
             return commands::Form{
                 .title = {"Approve an OMEMO device", "Approuver un appareil OMEMO"},
                 .instructions = {"Approve only a device whose fingerprint you have compared.",
                                  "N’approuvez qu’un appareil dont vous avez comparé l’empreinte."},
                 .form_type = ns_devices,
                 .fields = {
                     {.name = "device", .label = {"Number of the device", "Numéro de l’appareil"}, .required = true}}};
           },
       .on_host =
           [this](const std::string& host) {
             const auto found = hosts_.find(host);
             return found != hosts_.end() && found->second.rules.approval == Approval::device;
           },
       .run = [this](Execution execution) { approve_for_owner(std::move(execution)); }});
}

void OmemoDevicesModule::approve_for_owner(Execution execution) {
  auto* account = shard_.find_account(execution.asker().bare());
  const auto* mine = account == nullptr ? nullptr : part(*account);
  const auto id = pep::parse_device_id(execution.values().text("device"));
  const auto* device = mine == nullptr || !id ? nullptr : mine->known.find(*id);
  if (device == nullptr || device->state != State::waiting) return execution.refuse(no_such_device);
  const auto resource = execution.asker().resource();
  if (device->by_rule) return execution.refuse(administrator_approves);
  const bool by_another =
      resource != device->resource && std::ranges::any_of(mine->known.all(), [&](const Device& other) {
        return other.state == State::let_in && other.resource == resource;
      });
  if (!by_another) return execution.refuse(from_another);
  auto record = core::about_account(account->jid, "omemo-approved", execution.origin());
  auto waiting = std::make_shared<Execution>(std::move(execution));
  approve(*account, *id, std::move(record), [waiting](const Result<>& done) {
    if (done) return waiting->complete();
    if (done.error().code == ErrorCode::limit) return waiting->refuse(list_is_full);
    waiting->refuse(done.error().code == ErrorCode::unavailable ? core::store_away : no_such_device);
  });
}

}  // namespace valise::modules::omemo_devices
