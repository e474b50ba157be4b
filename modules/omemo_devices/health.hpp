// What is wrong with the devices that people write to: no keys, few prekeys, old ones, silence. Reads the store alone,
// on any thread.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "modules/omemo_devices/known_devices.hpp"
#include "storage/store.hpp"

namespace valise::modules::omemo_devices {

// Fewer prekeys than the versions ask of clients (XEP-0384 0.3 §4.4, 0.8 §5.3.2), by OmemoVersion.
inline constexpr std::array<std::size_t, 2> least_prekeys{20, 25};

struct HealthTerms {
  std::int64_t now_ms = 0;            // UTC
  std::int64_t signed_prekey_ms = 0;  // older ones are reported; 0: none
  std::int64_t silent_ms = 0;         // likewise devices that were not seen for so long
};

// A published bundle, as far as it is looked at.
struct PublishedKeys {
  std::size_t prekeys = 0;
  std::string signed_prekey;      // as Device::InVersion has it
  std::int64_t published_ms = 0;  // UTC
};

struct Ailment {
  std::uint32_t device = 0;
  OmemoVersion version = OmemoVersion::legacy;
  std::vector<std::string_view> problems;  // "no-bundle", "few-prekeys", "old-signed-prekey", "silent", "waiting"
  std::size_t prekeys = 0;
  std::int64_t signed_prekey_ms = 0;  // since when it is that one, at the latest; 0: there is none
  std::int64_t seen_ms = 0;           // 0: not known
};

// Pure. `known`: null for a device of which nothing is known. Nothing: it is well.
[[nodiscard]] std::optional<Ailment> ailment_of(std::uint32_t id, OmemoVersion version, const Device* known,
                                                const std::optional<PublishedKeys>& keys, const HealthTerms& terms);

// Of all devices in the account's lists, and those that wait.
[[nodiscard]] Result<std::vector<Ailment>> ailments(storage::Reader& reader, const std::string& account,
                                                    const HealthTerms& terms);

}  // namespace valise::modules::omemo_devices
