// Private to modules/omemo_devices: one instance a shard, for the accounts whose home it is.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/module.hpp"
#include "core/services.hpp"
#include "core/shard.hpp"
#include "modules/commands/command.hpp"
#include "modules/omemo_devices/devices.hpp"
#include "modules/omemo_devices/known_devices.hpp"
#include "modules/pep/own_changes.hpp"

namespace valise::modules::omemo_devices {

// Of an account. Memory is ahead of the store while a unit is under way; behind one that failed it is read anew.
struct DevicesPart final : core::Part {
  KnownDevices known;
  Ids kept_out;          // of `known`
  bool looked = false;   // what lists named before anybody looked is known
  bool stale = false;    // read the rows again first
  bool leaving = false;  // silent devices are being taken out of the lists
};

struct HostRules {
  Rules rules;
  bool notice = true;
  std::int64_t dead_after_ms = 0;  // 0: never
};

class OmemoDevicesModule final : public core::Module, public DeviceGate, public OmemoDevices {
 public:
  explicit OmemoDevicesModule(core::Shard& shard) : shard_(shard), alive_(std::make_shared<const bool>(true)) {}
  void start(core::Registrar& registrar) override;
  void configure(const config::Snapshot& snapshot) override;

  // DeviceGate
  [[nodiscard]] Standing standing(const core::Account& account, std::uint32_t device) const override;
  [[nodiscard]] std::span<const std::uint32_t> kept_out(const core::Account& account) const override;

  // OmemoDevices (orders.cpp)
  [[nodiscard]] std::vector<DeviceLine> devices(core::Account& account) override;
  void approve(core::Account& account, std::uint32_t device, core::audit::Record record,
               std::move_only_function<void(Result<>)> done) override;
  void revoke(core::Account& account, std::uint32_t device, core::audit::Record record,
              std::move_only_function<void(Result<>)> done) override;
  [[nodiscard]] std::optional<std::int64_t> first_seen_ms(const core::Account& account,
                                                          std::uint32_t device) const override;

 private:
  // Null: the store is away, or the account has left memory.
  using Then = std::move_only_function<void(core::Account*, DevicesPart*)>;

  // -- omemo_devices.cpp
  [[nodiscard]] DevicesPart* part(const core::Account& account) const {
    return account.part<DevicesPart>(account_slot_);
  }
  [[nodiscard]] const HostRules& rules_of(const core::Account& account) const;
  // With what the administrator's rules want of this change.
  [[nodiscard]] Rules rules_for(const core::Account& account, const pep::NodeChange& change) const;
  // The lists as everybody reads them, by version.
  [[nodiscard]] std::array<Ids, 2> lists_of(const core::Account& account) const;
  [[nodiscard]] std::array<bool, 2> lists_with(const core::Account& account, std::uint32_t device) const;
  void connect_services();
  // Runs `then` when memory and store agree, now or later.
  void with_part(core::Account& account, Then then);
  void mark_stale(const core::Jid& account);
  // Devices in lists from before anybody looked are let in as they are; with a record of each.
  void look(core::Account& account);
  void found(core::Account& account, OmemoVersion version, std::uint32_t device);

  // -- following.cpp: what follows from what clients publish
  void follow(core::Account& account, pep::NodeChange change, pep::AnswerChanges answer);
  [[nodiscard]] pep::OwnChanges follow_list(core::Account& account, DevicesPart& part, const pep::NodeChange& change);
  [[nodiscard]] pep::OwnChanges follow_keys(core::Account& account, DevicesPart& part, const pep::NodeChange& change);
  // That list without some devices and with others; nothing: it is as it should be, or there is none to take from.
  [[nodiscard]] std::optional<pep::ItemChange> edited(const core::Account& account, OmemoVersion version,
                                                      std::span<const std::uint32_t> without,
                                                      std::span<const std::uint32_t> with) const;
  [[nodiscard]] storage::Write row_of(const core::Account& account, const Device& device) const;
  void add_rows(const core::Account& account, const DevicesPart& part, std::span<const std::uint32_t> devices,
                std::vector<storage::Write>& writes) const;
  // A unit of its own: the row, and what is recorded of it.
  void write(core::Account& account, const Device& device, std::optional<core::audit::Record> record);
  // Says of the unit that `changes` becomes: rows that did not become durable are read anew.
  void guard(const core::Account& account, pep::OwnChanges& changes,
             std::move_only_function<void(core::Account&)> durable);

  // -- orders.cpp
  using Order = std::move_only_function<Result<pep::OwnChanges>(core::Account&, DevicesPart&)>;
  void carry_out(core::Account& account, Order order, std::move_only_function<void(Result<>)> done);

  // -- aging.cpp
  core::Verdict wrote(core::Flow& flow);
  void sweep();
  void take_silent_out(core::Account& account);

  // -- notice.cpp
  void tell(core::Account& account, const Ids& devices);
  void learn_key(core::Account& account, std::uint32_t device);
  [[nodiscard]] bool hears_another(const core::Account& account, const Device& device) const;
  void available(core::Session& session);
  void say(core::Account& account, const std::vector<const Device*>& devices);

  // -- commands.cpp: of people, from the menu of their client
  void declare_commands();
  void approve_for_owner(commands::Execution execution);

  core::Shard& shard_;
  std::shared_ptr<const bool> alive_;
  unsigned account_slot_ = 0;
  core::TextMap<HostRules> hosts_;
  DeviceLists* lists_ = nullptr;  // both of modules/pep
  PepOwnChanges* changes_ = nullptr;
  net::Timer sweep_timer_{[](void* self) { static_cast<OmemoDevicesModule*>(self)->sweep(); }, this};
};

// A record of kind omemo-device.
[[nodiscard]] core::audit::Record record_of(const core::Account& account, const Device& device, OmemoVersion version,
                                            std::string reason, Ref<const core::audit::Origin> by = {});

}  // namespace valise::modules::omemo_devices
