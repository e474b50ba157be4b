// What other modules may ask about an account's OMEMO devices. Published through Shard::publish by modules/pep; ask on
// the account's home shard, with the account in memory.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>

#include "core/account.hpp"
#include "modules/pep/omemo_keys.hpp"
#include "modules/pep/omemo_payloads.hpp"

namespace valise::modules::pep {

// What a bundle says of its device.
struct DeviceKeys {
  omemo_keys::Key identity{};       // in Curve25519 form
  omemo_keys::Key signed_prekey{};  // the key alone
};

class DeviceLists {
 public:
  // The ids of the account's device list as published last, in its order; nothing if none was ever published. No wait:
  // a list whose publication was answered is in it. Valid until the caller returns to the loop.
  [[nodiscard]] virtual std::optional<std::span<const std::uint32_t>> devices(const core::Account& account,
                                                                              OmemoVersion version) const = 0;
  // The item of that list: its id, and the payload as everybody reads it; both empty if none was ever published.
  struct Item {
    std::string_view id, payload;
  };
  [[nodiscard]] virtual Item list_item(const core::Account& account, OmemoVersion version) const = 0;
  // The identity key in the device's bundle, as on the wire (legacy: without the type byte); nothing if there is no
  // bundle or the store is away. Calls `then` at once if the key is known, otherwise after a read, on this shard.
  virtual void identity_key(const core::Account& account, OmemoVersion version, std::uint32_t device,
                            std::move_only_function<void(std::optional<omemo_keys::Key>)> then) = 0;
  // The same where it is known without a read; null: it is not known, or there is none. Valid as the list is.
  [[nodiscard]] virtual const omemo_keys::Key* known_identity(const core::Account& account, OmemoVersion version,
                                                              std::uint32_t device) const = 0;
  // Whether no change of the account's nodes waits or is being committed: what it says above is the last word.
  [[nodiscard]] virtual bool is_settled(const core::Account& account) const = 0;
  // Calls `then` on this shard, at once or later, behind all changes that were asked for so far. False: too much waits
  // for the account, and it is not called.
  [[nodiscard]] virtual bool when_settled(core::Account& account, std::move_only_function<void()> then) = 0;

 protected:
  ~DeviceLists() = default;
};

// Devices that no list names, whatever their clients publish (docs/sealed.md D13). Published through Shard::publish by
// modules/omemo_devices; without it there are none.
class DeviceGate {
 public:
  enum class Standing : std::uint8_t { free, waiting, revoked };
  [[nodiscard]] virtual Standing standing(const core::Account& account, std::uint32_t device) const = 0;
  // All those of the account that are not free: few, mostly none. Valid until the caller returns to the loop.
  [[nodiscard]] virtual std::span<const std::uint32_t> kept_out(const core::Account& account) const = 0;

 protected:
  ~DeviceGate() = default;
};

}  // namespace valise::modules::pep

namespace valise::modules {
using pep::DeviceGate;
using pep::DeviceLists;
using pep::OmemoVersion;
}  // namespace valise::modules
