// What follows from what clients publish: which devices of a list others see, and what the log says of it. All of it is
// part of the publication's unit; where that fails, it never was.
#include <algorithm>
#include <utility>

#include "base/clock.hpp"
#include "base/log.hpp"
#include "core/footprint.hpp"
#include "modules/omemo_devices/module.hpp"

namespace valise::modules::omemo_devices {
namespace {

std::string_view reason_of(const Device& device) {
  if (is_kept_out(device.state)) return "waiting";
  return "listed";
}

// Lives in the callback of a unit: one that never comes means that memory is ahead of the store.
struct Undo {
  std::move_only_function<void()> failed;
  bool durable = false;
  explicit Undo(std::move_only_function<void()> then) : failed(std::move(then)) {}
  Undo(const Undo&) = delete;
  Undo& operator=(const Undo&) = delete;
  ~Undo() {
    if (!durable) failed();
  }
};

bool contains(std::span<const std::uint32_t> ids, std::uint32_t id) { return std::ranges::find(ids, id) != ids.end(); }

}  // namespace

void OmemoDevicesModule::follow(core::Account& account, pep::NodeChange change, pep::AnswerChanges answer) {
  look(account);
  with_part(account, [this, change = std::move(change), answer = std::move(answer)](core::Account* owner,
                                                                                    DevicesPart* mine) mutable {
    if (owner == nullptr) return answer(std::unexpected(core::store_away));
    pep::OwnChanges changes;
    if (change.listed) {
      changes = follow_list(*owner, *mine, change);
    } else if (change.keys) {
      changes = follow_keys(*owner, *mine, change);
    } else if (change.node == pep::bundle_node(change.version, change.device)) {
      add_rows(*owner, *mine, mine->known.keys_removed(change.version, change.device), changes.writes);
      guard(*owner, changes, {});
    }
    mine->kept_out = mine->known.kept_out();
    answer(std::move(changes));
  });
}

Rules OmemoDevicesModule::rules_for(const core::Account& account, const pep::NodeChange& change) const {
  auto rules = rules_of(account).rules;
  rules.by_rule = change.needs_approval;
  return rules;
}

pep::OwnChanges OmemoDevicesModule::follow_list(core::Account& account, DevicesPart& mine,
                                                const pep::NodeChange& change) {
  const auto lists = lists_of(account);
  const auto which = static_cast<std::size_t>(change.version);
  const By by{.now_ms = utc_now_ms(), .resource = change.by.resource()};
  auto listed = mine.known.list_published(change.version, *change.listed, lists[which], lists[1 - which],
                                          rules_for(account, change), by);
  pep::OwnChanges changes;
  if (listed.shown.size() != change.listed->size()) {
    auto list = pep::stored_device_list(change.payload, change.version).value_or(pep::DeviceList());
    std::erase_if(list.devices, [&](const pep::Device& device) { return !contains(listed.shown, device.id); });
    // Its client publishes a device that is kept out whenever it does not see it in the list: were it told of a list
    // without it, it would do so at once, for ever.
    changes.untold = true;
    changes.items.push_back({.node = change.node, .id = change.id, .payload = pep::to_xml(list, change.version)});
  }
  // One record a unit: the first new device's stands in that of the publication, the others follow with their rows.
  auto news = listed.entered;
  news.insert(news.end(), listed.waits.begin(), listed.waits.end());
  const auto record = [this, version = change.version, origin = change.origin](const core::Account& owner,
                                                                               const Device& device) {
    return record_of(owner, device, version, std::string(reason_of(device)), origin);
  };
  if (!news.empty()) changes.record = record(account, *mine.known.find(news.front()));
  std::erase_if(listed.changed, [&](std::uint32_t id) { return contains(news, id) && id != news.front(); });
  add_rows(account, mine, listed.changed, changes.writes);
  for (const auto id : listed.gone) {
    changes.writes.emplace_back(
        storage::RemoveAccountData{account.jid.str(), storage::DataKind::omemo_device, std::to_string(id)});
  }
  guard(account, changes, [this, news, record](core::Account& owner) {
    for (std::size_t i = 1; i < news.size(); ++i) {
      const auto* device = part(owner)->known.find(news[i]);
      if (device != nullptr) write(owner, *device, record(owner, *device));
    }
    tell(owner, news);
  });
  return changes;
}

pep::OwnChanges OmemoDevicesModule::follow_keys(core::Account& account, DevicesPart& mine,
                                                const pep::NodeChange& change) {
  using What = KnownDevices::Keyed::What;
  const By by{.now_ms = utc_now_ms(), .resource = change.by.resource()};
  const auto lists = lists_with(account, change.device);
  const auto keyed =
      mine.known.keys_published(change.version, change.device, *change.keys, lists, rules_for(account, change), by);
  const auto& device = *mine.known.find(change.device);
  pep::OwnChanges changes;
  changes.untold = is_kept_out(device.state);
  if (keyed.put_out) {
    for (const auto version : {OmemoVersion::legacy, OmemoVersion::omemo_2}) {
      if (auto list = edited(account, version, {&change.device, 1}, {})) changes.items.push_back(std::move(*list));
    }
  }
  if (keyed.what != What::same) {
    const std::string reason = keyed.what == What::first ? "keys" : "keys-changed";
    changes.record = record_of(account, device, change.version, reason, change.origin);
  }
  if (keyed.changed) changes.writes.push_back(row_of(account, device));
  for (const auto id : keyed.gone) {
    changes.writes.emplace_back(
        storage::RemoveAccountData{account.jid.str(), storage::DataKind::omemo_device, std::to_string(id)});
  }
  guard(account, changes, [this, id = change.device](core::Account& owner) { tell(owner, {id}); });
  return changes;
}

std::optional<pep::ItemChange> OmemoDevicesModule::edited(const core::Account& account, OmemoVersion version,
                                                          std::span<const std::uint32_t> without,
                                                          std::span<const std::uint32_t> with) const {
  const auto item = lists_->list_item(account, version);
  auto list = pep::stored_device_list(item.payload, version).value_or(pep::DeviceList());
  const auto gone = std::erase_if(list.devices, [&](const pep::Device& one) { return contains(without, one.id); });
  std::size_t come = 0;
  for (const auto id : with) {
    if (std::ranges::find(list.devices, id, &pep::Device::id) != list.devices.end()) continue;
    list.devices.push_back({.id = id, .label = {}, .label_signature = {}});
    ++come;
  }
  if (gone == 0 && come == 0) return std::nullopt;
  return pep::ItemChange{.node = std::string(pep::device_list_node(version)),
                         .id = item.id.empty() ? "current" : std::string(item.id),
                         .payload = pep::to_xml(list, version)};
}

storage::Write OmemoDevicesModule::row_of(const core::Account& account, const Device& device) const {
  return storage::PutAccountData{
      account.jid.str(), storage::DataKind::omemo_device, {std::to_string(device.id), encode(device)}};
}

void OmemoDevicesModule::add_rows(const core::Account& account, const DevicesPart& mine,
                                  std::span<const std::uint32_t> devices, std::vector<storage::Write>& writes) const {
  for (const auto id : devices) {
    if (const auto* device = mine.known.find(id)) writes.push_back(row_of(account, *device));
  }
}

void OmemoDevicesModule::write(core::Account& account, const Device& device,
                               std::optional<core::audit::Record> record) {
  auto unit = std::make_unique<core::Unit>();
  unit->writes.push_back(row_of(account, device));
  unit->record = std::move(record);
  unit->done = [this, jid = account.jid](core::Unit& finished) {
    if (finished.outcome) return;
    log::warning("omemo_devices", "what is known of a device could not be stored: {}", finished.outcome.error().text);
    mark_stale(jid);
  };
  shard_.commit_in_order(account, std::move(unit), sizeof(core::Unit));
}

void OmemoDevicesModule::guard(const core::Account& account, pep::OwnChanges& changes,
                               std::move_only_function<void(core::Account&)> durable) {
  auto undo = std::make_unique<Undo>([this, alive = std::weak_ptr(alive_), jid = account.jid] {
    if (alive.lock()) mark_stale(jid);
  });
  changes.durable = [undo = std::move(undo), durable = std::move(durable)](core::Account& owner) mutable {
    undo->durable = true;
    if (durable) durable(owner);
  };
}

}  // namespace valise::modules::omemo_devices
