// What valisectl and commands ask of an account's OMEMO devices. Published through Shard::publish by this room; the
// account is in memory on this shard and exists, callbacks run here.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "core/account.hpp"
#include "core/audit/record.hpp"

namespace valise::modules::omemo_devices {

// One of them, as its owner and administrators see it.
struct DeviceLine {
  std::uint32_t id = 0;
  std::string_view state;             // "listed", "unlisted", "waiting", "revoked", "heard-of"
  std::vector<std::string> versions;  // "legacy", "omemo:2": the lists that name it or, of one that is kept out, would
  std::string fingerprint;            // as clients show it, in groups; empty: it has published no key
  std::string identity;               // as the log has it
  std::int64_t first_ms = 0, seen_ms = 0;  // UTC; the second to the day
  std::string resource;
};

class OmemoDevices {
 public:
  [[nodiscard]] virtual std::vector<DeviceLine> devices(core::Account& account) = 0;
  // One that waits, or was revoked, is let in: its lists name it, and everybody is told. `record`: of the one who
  // approves; reason, device and identity are filled in. Errors: not_found (no such device), conflict (it is let in),
  // limit (the list is full), unavailable.
  virtual void approve(core::Account& account, std::uint32_t device, core::audit::Record record,
                       std::move_only_function<void(Result<>)> done) = 0;
  // It leaves the lists, its bundles go, and it stays out whatever its client publishes. Errors: not_found, conflict
  // (it is revoked), limit (too many are), unavailable.
  virtual void revoke(core::Account& account, std::uint32_t device, core::audit::Record record,
                      std::move_only_function<void(Result<>)> done) = 0;
  // UTC: since when the device is known. Nothing: it is not.
  [[nodiscard]] virtual std::optional<std::int64_t> first_seen_ms(const core::Account& account,
                                                                  std::uint32_t device) const = 0;

 protected:
  ~OmemoDevices() = default;
};

}  // namespace valise::modules::omemo_devices
