// What OMEMO clients publish: device lists and bundles, in both versions (XEP-0384 0.3 and 0.8 up). Pure: reads what a
// client sent, says what is wrong with it, and writes it anew, so that nothing else travels in a published item.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/text.hpp"
#include "modules/pep/omemo_keys.hpp"
#include "xml/document.hpp"

namespace valise::modules::pep {

enum class OmemoVersion : std::uint8_t { legacy, omemo_2 };

// Where they are published (nodes.cpp). `device` counts in legacy only: omemo:2 has one node for all.
[[nodiscard]] std::string_view device_list_node(OmemoVersion version) noexcept;
[[nodiscard]] std::string bundle_node(OmemoVersion version, std::uint32_t device);

inline constexpr std::uint32_t max_omemo_id = 0x7fffffff;
inline constexpr std::size_t max_prekeys = 300;
inline constexpr std::size_t max_device_list_bytes = 8 * 1024;
inline constexpr std::size_t max_bundle_bytes = 64 * 1024;
inline constexpr std::size_t max_label_code_points = 53;

enum class PayloadFault : std::uint8_t {
  structure,  // not the elements that the version asks for, or others beside them
  id_range,
  id_twice,
  too_many_devices,
  prekey_count,
  key_encoding,  // base64, length or type byte
  weak_key,      // low-order or no point
  signature,
  identity_differs,  // not the identity key of the same device in the other version
  wrong_place,       // node or item id do not fit the payload
  too_large,
};
// For the person, put into "OMEMO keys refused: {detail}." (docs/sealed.md §5, keys).
[[nodiscard]] core::Text describe(PayloadFault fault) noexcept;

// 1 … 2^31−1 in decimal without sign, blanks or leading zeros.
[[nodiscard]] std::optional<std::uint32_t> parse_device_id(std::string_view text) noexcept;

struct Device {
  std::uint32_t id = 0;
  std::string label;            // omemo:2; both or none
  std::string label_signature;  // 64 bytes, not yet verified
};

struct DeviceList {
  std::vector<Device> devices;
};
// Labels that are too long, hold control characters or have no signature are dropped, not refused.
[[nodiscard]] std::expected<DeviceList, PayloadFault> parse_device_list(xml::Element list, OmemoVersion version,
                                                                        std::size_t max_devices);
[[nodiscard]] std::string to_xml(const DeviceList& list, OmemoVersion version);
// Back from what was stored; nothing for what to_xml did not write.
[[nodiscard]] std::optional<DeviceList> stored_device_list(std::string_view xml, OmemoVersion version);
[[nodiscard]] std::vector<std::uint32_t> ids_of(const DeviceList& list);

struct PreKey {
  std::uint32_t id = 0;
  omemo_keys::Key key{};
};

struct Bundle {
  OmemoVersion version = OmemoVersion::legacy;
  omemo_keys::Key identity{};  // legacy: Curve25519 u (the type byte dropped); omemo:2: Ed25519
  PreKey signed_prekey;
  std::string signature;  // 64 bytes
  std::vector<PreKey> prekeys;
};
// Structure, lengths and ids; allocates nothing per malformed key.
[[nodiscard]] std::expected<Bundle, PayloadFault> parse_bundle(xml::Element bundle, OmemoVersion version);
// The arithmetic: no low-order key, and the signature verifies.
[[nodiscard]] std::expected<void, PayloadFault> check_keys(const Bundle& bundle);
[[nodiscard]] std::string to_xml(const Bundle& bundle);
// The identity key in Curve25519 form: equal in both versions for one device of one client.
[[nodiscard]] std::optional<omemo_keys::Key> identity_u(const Bundle& bundle);

// Compliance testers publish an empty <bundle/> or <list/>: childless, attribute-less, text-less.
[[nodiscard]] bool is_probe_payload(xml::Element payload) noexcept;

}  // namespace valise::modules::pep
