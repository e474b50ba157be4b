// What an <encrypted/> says of devices, for comparison with what is published (docs/sealed.md 3.7, points 8 to 10).
// Reads what check_envelope found valid. Pure.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "core/stanza.hpp"
#include "modules/pep/devices.hpp"

namespace valise::modules::omemo {

// By name and namespace, valid or not.
[[nodiscard]] bool is_encrypted(xml::Element element);

// What is done about a message that does not fit: nothing is delivered; a record says so beside the delivery; nothing.
enum class Check : std::uint8_t { enforce, record, off };
struct DeviceChecks {
  Check sid = Check::enforce;         // the sending device is in its account's list
  Check identity = Check::enforce;    // it begins sessions with the identity key that it has published
  Check recipients = Check::enforce;  // it writes to a device of the recipient
};

// What one header says of the device that it comes from.
struct Claim {
  OmemoVersion version = OmemoVersion::legacy;
  std::uint32_t device = 0;
  std::optional<omemo_keys::Key> identity;  // as on the wire (legacy: without the type byte); if it begins a session
};
struct Claims {
  std::array<Claim, 2> list;  // one a version
  std::size_t count = 0;
  [[nodiscard]] std::span<const Claim> all() const noexcept { return std::span(list).first(count); }
};
[[nodiscard]] Claims claims_of(const core::Stanza& stanza);

// Whether one of its keys is for a device of `recipient` (bare), whose lists these are.
[[nodiscard]] bool is_for_device_of(const core::Stanza& stanza, std::string_view recipient,
                                    std::span<const std::uint32_t> legacy, std::span<const std::uint32_t> omemo_2);

}  // namespace valise::modules::omemo
