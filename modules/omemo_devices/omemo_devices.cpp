// Who may be in an account's device lists (docs/sealed.md D13): the manifest, and what is in memory. One idea: lists
// are masked when they are published, so that nobody who reads or gets one can be told what is kept out of it.
#include "modules/omemo_devices/omemo_devices.hpp"

#include <algorithm>

#include "base/clock.hpp"
#include "base/log.hpp"
#include "config/options.hpp"
#include "modules/omemo_devices/module.hpp"

namespace valise::modules {
namespace omemo_devices {
namespace {

const config::Choice<Approval> approve_option{
    {.name = "omemo.approve",
     .otherwise = "none",
     .reason = "who lets a new OMEMO device into its account's list: nobody has to; an administrator (valisectl omemo "
               "approve); or another device of the account (a command in its menu), the first one aside",
     .scope = config::Scope::host,
     .reload = config::Reload::live,
     .needs = {{"sealed.sid", "enforce"}, {"sealed.sid", "record"}}},
    {{"none", Approval::none}, {"administrator", Approval::administrator}, {"device", Approval::device}}};
const config::Option<bool> notice_option{
    {.name = "omemo.notice_devices",
     .otherwise = true,
     .reason = "tell an account's other devices, by a message of the domain, that it has a new OMEMO device",
     .scope = config::Scope::host,
     .reload = config::Reload::live}};
const config::Option<std::int64_t> dead_after_option{
    {.name = "omemo.dead_after",
     .otherwise = 0,
     .reason = "days after which a device that has sent and published nothing leaves its account's list, the one that "
               "was seen last aside; 0: never. It comes back by itself when it is used again",
     .max = 3'650,
     .scope = config::Scope::host,
     .reload = config::Reload::live}};

Result<std::unique_ptr<core::Part>> load(storage::Reader& reader, const std::string& jid) {
  const auto rows = reader.account_data(jid, storage::DataKind::omemo_device);
  if (!rows) return std::unexpected(rows.error());
  auto part = std::make_unique<DevicesPart>();
  for (const auto& row : *rows) {
    auto device = decode(row.name, row.value);
    if (device) {
      part->known.put(std::move(*device));
    } else {
      log::error("omemo_devices", "what is known of a device of an account is damaged");
    }
  }
  if (part->known.all().empty()) return nullptr;
  part->kept_out = part->known.kept_out();
  return part;
}

}  // namespace

core::audit::Record record_of(const core::Account& account, const Device& device, OmemoVersion version,
                              std::string reason, Ref<const core::audit::Origin> by) {
  core::audit::Record record;
  record.kind = core::audit::Kind::omemo_device;
  record.recipient = account.jid.str();
  record.sender_device = device.id;
  record.encryption =
      version == OmemoVersion::legacy ? core::audit::Encryption::legacy : core::audit::Encryption::omemo2;
  record.identity = identity_hash(device);
  record.reason = std::move(reason);
  record.origin = std::move(by);
  return record;
}

void OmemoDevicesModule::start(core::Registrar& registrar) {
  account_slot_ = registrar.account_part(load);
  registrar.at(core::Stage::policy_out, core::Kind::message, [this](core::Flow& flow) { return wrote(flow); });
  registrar.on_session(core::SessionEvent::bound, [this](core::Session& session) {
    look(session.account);
    take_silent_out(session.account);
  });
  shard_.publish<DeviceGate>(*this);
  shard_.publish<OmemoDevices>(*this);
  declare_commands();
  // In the loop's first turn every module has published what others look for.
  shard_.post([this] { connect_services(); });
  sweep();
}

void OmemoDevicesModule::configure(const config::Snapshot& snapshot) {
  const auto most = static_cast<std::size_t>(snapshot.get(config::options::omemo_max_devices));
  hosts_.clear();
  for (const auto& host : snapshot.hosts()) {
    hosts_[host] = {.rules = {.approval = snapshot.get(approve_option, host), .max_devices = most},
                    .notice = snapshot.get(notice_option, host),
                    .dead_after_ms = snapshot.get(dead_after_option, host) * day_ms};
  }
}

void OmemoDevicesModule::connect_services() {
  lists_ = shard_.service<DeviceLists>();
  changes_ = shard_.service<PepOwnChanges>();
  if (lists_ == nullptr || changes_ == nullptr) return;
  changes_->follow_keys([this](core::Account& account, pep::NodeChange change, pep::AnswerChanges answer) {
    follow(account, std::move(change), std::move(answer));
  });
  if (auto* presence = shard_.service<core::PresenceEvents>()) {
    presence->on_available([this](core::Session& session, bool first) {
      if (first) available(session);
    });
  }
}

const HostRules& OmemoDevicesModule::rules_of(const core::Account& account) const {
  static const HostRules none;
  const auto found = hosts_.find(account.jid.domain());
  return found == hosts_.end() ? none : found->second;
}

std::array<Ids, 2> OmemoDevicesModule::lists_of(const core::Account& account) const {
  std::array<Ids, 2> lists;
  for (const auto version : {OmemoVersion::legacy, OmemoVersion::omemo_2}) {
    if (const auto list = lists_->devices(account, version)) {
      lists[static_cast<std::size_t>(version)].assign(list->begin(), list->end());
    }
  }
  return lists;
}

std::array<bool, 2> OmemoDevicesModule::lists_with(const core::Account& account, std::uint32_t device) const {
  std::array<bool, 2> named{};
  const auto lists = lists_of(account);
  for (std::size_t i = 0; i < named.size(); ++i) named[i] = std::ranges::find(lists[i], device) != lists[i].end();
  return named;
}

std::optional<std::int64_t> OmemoDevicesModule::first_seen_ms(const core::Account& account, std::uint32_t id) const {
  const auto* mine = part(account);
  const auto* known = mine == nullptr ? nullptr : mine->known.find(id);
  return known == nullptr ? std::nullopt : std::optional(known->first_ms);
}

DeviceGate::Standing OmemoDevicesModule::standing(const core::Account& account, std::uint32_t device) const {
  const auto* mine = part(account);
  const auto* known = mine == nullptr ? nullptr : mine->known.find(device);
  if (known == nullptr || !is_kept_out(known->state)) return Standing::free;
  return known->state == State::waiting ? Standing::waiting : Standing::revoked;
}

std::span<const std::uint32_t> OmemoDevicesModule::kept_out(const core::Account& account) const {
  const auto* mine = part(account);
  return mine == nullptr ? std::span<const std::uint32_t>() : mine->kept_out;
}

void OmemoDevicesModule::with_part(core::Account& account, Then then) {
  auto& mine = account.ensure_part<DevicesPart>(account_slot_);
  if (!mine.stale) return then(&account, &mine);
  account.in_order([this, jid = account.jid, then = std::move(then)]() mutable {
    shard_.read([jid](storage::Reader& reader) { return load(reader, jid.str()); },
                [this, jid, then = std::move(then)](Result<std::unique_ptr<core::Part>> fresh) mutable {
                  auto* owner = shard_.find_account(jid.full());
                  if (!fresh || owner == nullptr) return then(nullptr, nullptr);
                  auto& kept = owner->ensure_part<DevicesPart>(account_slot_);
                  auto* loaded = static_cast<DevicesPart*>(fresh->get());
                  if (kept.stale) kept = loaded == nullptr ? DevicesPart() : std::move(*loaded);
                  then(owner, &kept);
                });
  });
}

void OmemoDevicesModule::mark_stale(const core::Jid& jid) {
  auto* account = shard_.find_account(jid.full());
  auto* mine = account == nullptr ? nullptr : part(*account);
  if (mine == nullptr) return;
  mine->stale = true;
  shard_.post([this, jid] {  // whoever calls may be in the middle of something
    if (auto* owner = shard_.find_account(jid.full())) with_part(*owner, [](core::Account*, DevicesPart*) {});
  });
}

void OmemoDevicesModule::look(core::Account& account) {
  const auto* there = part(account);
  if (lists_ == nullptr || !account.exists || (there != nullptr && (there->looked || there->stale))) return;
  const auto lists = lists_of(account);
  if (lists[0].empty() && lists[1].empty()) return;
  auto& mine = account.ensure_part<DevicesPart>(account_slot_);
  mine.looked = true;
  for (const auto version : {OmemoVersion::legacy, OmemoVersion::omemo_2}) {
    for (const auto id : lists[static_cast<std::size_t>(version)]) {
      if (mine.known.find(id) != nullptr) continue;
      const auto now = utc_now_ms();
      mine.known.put({.id = id, .state = State::let_in, .first_ms = now, .seen_ms = now, .resource = {}});
      found(account, version, id);
    }
  }
}

void OmemoDevicesModule::found(core::Account& account, OmemoVersion version, std::uint32_t id) {
  lists_->identity_key(account, version, id,
                       [this, jid = account.jid, version, id](const std::optional<omemo_keys::Key>& key) {
                         auto* owner = shard_.find_account(jid.full());
                         auto* mine = owner == nullptr ? nullptr : part(*owner);
                         auto* device = mine == nullptr ? nullptr : mine->known.find(id);
                         if (device == nullptr) return;
                         if (key && !device->identity) {
                           device->identity = version == OmemoVersion::omemo_2 ? omemo_keys::montgomery_u(*key) : key;
                           device->of(version).keys = true;
                         }
                         write(*owner, *device, record_of(*owner, *device, version, "found"));
                       });
}

}  // namespace omemo_devices

const core::Manifest& omemo_devices_manifest() {
  using namespace omemo_devices;
  static const core::Manifest manifest{
      .name = "omemo_devices",
      .summary = "An account's OMEMO devices under control: told, recorded, approved, revoked.",
      .options =
          [](config::Registry& registry) {
            registry.add(approve_option);
            registry.add(notice_option);
            registry.add(dead_after_option);
          },
      .make = [](core::Shard& shard) -> std::unique_ptr<core::Module> {
        return std::make_unique<omemo_devices::OmemoDevicesModule>(shard);
      },
  };
  return manifest;
}

}  // namespace valise::modules
