// When a device was seen last, and those that were not for long.
#include <algorithm>

#include "base/clock.hpp"
#include "modules/omemo_devices/module.hpp"

namespace valise::modules::omemo_devices {
namespace {

constexpr std::int64_t sweep_every_ms = 30'000;
constexpr std::int64_t hour_ms = 3'600'000;

}  // namespace

// Behind the rules of the sender. Once an hour a device is looked at, once a day its row is written.
core::Verdict OmemoDevicesModule::wrote(core::Flow& flow) {
  const auto& seal = flow.stanza->seal;
  if (seal.form == core::Seal::Form::none || flow.sender == nullptr) return nullptr;
  auto& account = flow.sender->account;
  auto* mine = part(account);
  auto* device = mine == nullptr ? nullptr : mine->known.find(seal.sender_device);
  if (device == nullptr || device->state != State::let_in) return nullptr;
  const auto now = shard_.loop().now_ms();
  if (now < device->quiet_until) return nullptr;
  // Its row is whole: it must not carry what an order is still committing.
  if (mine->stale || lists_ == nullptr || !lists_->is_settled(account)) return nullptr;
  device->quiet_until = now + hour_ms;
  const auto utc = utc_now_ms();
  const auto resource = flow.sender->jid.resource();
  if (device->seen_ms / day_ms == utc / day_ms && device->resource == resource) return nullptr;
  device->seen_ms = utc;
  device->resource = resource;
  write(account, *device, std::nullopt);
  return nullptr;
}

void OmemoDevicesModule::sweep() {
  shard_.loop().timers().arm(sweep_timer_, steady_ms(), sweep_every_ms);
  if (lists_ == nullptr) return;
  std::vector<core::Account*> accounts;
  for (const auto& [jid, account] : shard_.accounts()) {
    if (part(*account) != nullptr && rules_of(*account).dead_after_ms != 0) accounts.push_back(account.get());
  }
  for (auto* account : accounts) take_silent_out(*account);
}

void OmemoDevicesModule::take_silent_out(core::Account& account) {
  const auto after = rules_of(account).dead_after_ms;
  auto* mine = part(account);
  if (after == 0 || mine == nullptr || mine->leaving || changes_ == nullptr || !account.exists) return;
  const auto silent_now = [this, after](const core::Account& owner, const DevicesPart& known) {
    auto listed = lists_of(owner);
    listed[0].insert(listed[0].end(), listed[1].begin(), listed[1].end());
    return known.known.silent(listed[0], utc_now_ms(), after);
  };
  if (silent_now(account, *mine).empty()) return;
  mine->leaving = true;
  auto order = [this, silent_now](core::Account& owner, DevicesPart& known) -> Result<pep::OwnChanges> {
    const auto silent = silent_now(owner, known);
    pep::OwnChanges changes;
    for (const auto version : {OmemoVersion::legacy, OmemoVersion::omemo_2}) {
      if (auto item = edited(owner, version, silent, {})) changes.items.push_back(std::move(*item));
    }
    if (silent.empty()) return changes;
    const auto version_of = [](const Device& device) {
      return device.of(OmemoVersion::legacy).keys ? OmemoVersion::legacy : OmemoVersion::omemo_2;
    };
    const auto& first = *known.known.find(silent.front());
    changes.record = record_of(owner, first, version_of(first), "silent");
    guard(owner, changes, [this, silent, version_of](core::Account& now) {
      for (std::size_t i = 1; i < silent.size(); ++i) {
        const auto* device = part(now)->known.find(silent[i]);
        if (device != nullptr) shard_.record(record_of(now, *device, version_of(*device), "silent"));
      }
    });
    return changes;
  };
  carry_out(account, std::move(order), [this, jid = account.jid](const Result<>&) {
    auto* owner = shard_.find_account(jid.full());
    if (auto* known = owner == nullptr ? nullptr : part(*owner)) known->leaving = false;
  });
}

}  // namespace valise::modules::omemo_devices
