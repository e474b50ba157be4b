// Device lists: the event waits until each new device can be written to. Psi+ and others announce first; whoever asks
// too early remembers "no bundle" for minutes or hours.
#include "base/clock.hpp"
#include "modules/pep/module.hpp"

namespace valise::modules::pep {
namespace {
constexpr std::int64_t hold_ms = 2'000;
}

HeldEvent::HeldEvent(Pep& pep_in, core::Jid account_in, OmemoVersion version_in)
    : pep(pep_in),
      account(std::move(account_in)),
      version(version_in),
      timer(
          [](void* self) {
            auto& held = *static_cast<HeldEvent*>(self);
            held.pep.release(core::Jid(held.account), held.version);
          },
          this) {}

void Pep::tell_list(core::Account& account, OmemoVersion version, const std::vector<std::uint32_t>& added) {
  auto& state = part(account);
  state.held[static_cast<std::size_t>(version)].reset();  // this list is newer
  std::vector<std::uint32_t> missing;
  for (const auto device : added) {
    if (state.identities.contains({version, device})) continue;
    if (version == OmemoVersion::legacy && state.nodes.contains(bundle_node(version, device))) continue;
    missing.push_back(device);
  }
  if (missing.empty()) return tell_list_now(account, version);
  hold(account, version, std::move(missing));
}

void Pep::tell_list_now(core::Account& account, OmemoVersion version) {
  const auto& list = part(account).known_list(version);
  const std::string node(device_list_node(version));
  const auto* state = find(account, node);
  if (!list.published || state == nullptr) return;
  tell(account, node, {.event = item_event(state->config, node, list.item_id, {}, list.payload)});
}

void Pep::hold(core::Account& account, OmemoVersion version, std::vector<std::uint32_t> missing) {
  auto& slot = part(account).held[static_cast<std::size_t>(version)];
  slot = std::make_unique<HeldEvent>(*this, account.jid, version);
  slot->missing = missing;
  shard_.loop().timers().arm(slot->timer, steady_ms(), hold_ms);
  // A bundle that was published before this account was loaded is only known to the store.
  for (const auto device : missing) {
    identity_key(account, version, device,
                 [this, jid = account.jid, version, device](const std::optional<omemo_keys::Key>& known) {
                   auto* owner = shard_.find_account(jid.full());
                   if (known && owner != nullptr) bundle_came(*owner, version, device);
                 });
  }
}

void Pep::bundle_came(core::Account& account, OmemoVersion version, std::uint32_t device) {
  auto& slot = part(account).held[static_cast<std::size_t>(version)];
  if (!slot) return;
  std::erase(slot->missing, device);
  if (slot->missing.empty()) release(account.jid, version);
}

void Pep::release(const core::Jid& jid, OmemoVersion version) {
  auto* account = shard_.find_account(jid.full());
  if (account == nullptr) return;
  auto& slot = part(*account).held[static_cast<std::size_t>(version)];
  if (!slot) return;
  slot.reset();
  tell_list_now(*account, version);
}

}  // namespace valise::modules::pep
