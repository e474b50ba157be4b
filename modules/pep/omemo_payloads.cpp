#include "modules/pep/omemo_payloads.hpp"

#include <algorithm>
#include <charconv>
#include <unordered_set>

#include "base/crypto.hpp"
#include "base/trim.hpp"
#include "core/namespaces.hpp"
#include "xml/writer.hpp"

namespace valise::modules::pep {
namespace {

using std::unexpected;

// How the two versions name the same things.
struct Names {
  std::string_view ns, list, signed_prekey, signed_prekey_id, signature, identity, prekey, prekey_id;
  bool type_byte;  // keys begin with 0x05
};
constexpr Names legacy_names{core::ns::omemo_legacy,
                             "list",
                             "signedPreKeyPublic",
                             "signedPreKeyId",
                             "signedPreKeySignature",
                             "identityKey",
                             "preKeyPublic",
                             "preKeyId",
                             true};
constexpr Names omemo_2_names{core::ns::omemo_2, "devices", "spk", "id", "spks", "ik", "pk", "id", false};

const Names& names_of(OmemoVersion version) noexcept {
  return version == OmemoVersion::legacy ? legacy_names : omemo_2_names;
}

std::optional<std::uint32_t> parse_number(std::string_view text) noexcept {
  if (text.empty() || text.size() > 10 || (text.size() > 1 && text.front() == '0')) return std::nullopt;
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value > max_omemo_id) return std::nullopt;
  return value;
}

// Blanks around base64 are tolerated, none within.
std::optional<std::string> decoded(xml::Element element, std::size_t size) {
  const auto text = element.single_text();
  if (!text) return std::nullopt;
  const auto base64 = trimmed(*text);
  if (base64.size() != (size + 2) / 3 * 4) return std::nullopt;
  auto bytes = crypto::base64_decode(base64);
  if (!bytes || bytes->size() != size) return std::nullopt;
  return bytes;
}

std::optional<omemo_keys::Key> decoded_key(xml::Element element, const Names& names) {
  const auto bytes = decoded(element, omemo_keys::key_size + (names.type_byte ? 1 : 0));
  if (!bytes) return std::nullopt;
  if (!names.type_byte) return omemo_keys::key_of(*bytes);
  if (bytes->front() != 5) return std::nullopt;
  return omemo_keys::key_of(std::string_view(*bytes).substr(1));
}

std::string serialised(const omemo_keys::Key& key, const Names& names) {
  std::string bytes;
  if (names.type_byte) bytes.push_back('\x05');
  bytes.append(key.begin(), key.end());
  return bytes;
}

// Code points of valid UTF-8 (the parser lets nothing else in); nothing if there is a control character.
std::optional<std::size_t> visible_length(std::string_view label) noexcept {
  std::size_t count = 0;
  for (std::size_t i = 0; i < label.size(); ++i) {
    const auto byte = static_cast<unsigned char>(label[i]);
    if (byte < 0x20 || byte == 0x7f) return std::nullopt;
    // U+0080 … U+009F, U+200E/F and U+202A … U+202E, U+2066 … U+2069 (they turn the direction of what follows).
    if (byte == 0xc2 && i + 1 < label.size() && static_cast<unsigned char>(label[i + 1]) < 0xa0) return std::nullopt;
    if (byte == 0xe2 && i + 2 < label.size()) {
      const auto second = static_cast<unsigned char>(label[i + 1]);
      const auto third = static_cast<unsigned char>(label[i + 2]);
      if (second == 0x80 && (third == 0x8e || third == 0x8f || (third >= 0xaa && third <= 0xae))) return std::nullopt;
      if (second == 0x81 && third >= 0xa6 && third <= 0xa9) return std::nullopt;
    }
    if ((byte & 0xc0) != 0x80) ++count;
  }
  return count;
}

void read_label(xml::Element element, Device& device) {
  const auto label = element.attribute("label");
  const auto signature = element.attribute("labelsig");
  if (!label || !signature || label->empty()) return;
  const auto length = visible_length(*label);
  auto bytes = crypto::base64_decode(trimmed(*signature));
  if (!length || *length > max_label_code_points || !bytes || bytes->size() != omemo_keys::signature_size) return;
  device.label = *label;
  device.label_signature = std::move(*bytes);
}

// Nobody signs prekeys, so that they could be a letter; of true ones one in 10^14 is nothing but printable characters.
bool is_text(const omemo_keys::Key& key) noexcept {
  return std::ranges::all_of(key, [](unsigned char c) { return c >= 0x20 && c < 0x7f; });
}

std::expected<std::vector<PreKey>, PayloadFault> parse_prekeys(xml::Element parent, const Names& names) {
  if (parent.has_visible_text()) return unexpected(PayloadFault::structure);
  std::vector<PreKey> prekeys;
  std::unordered_set<std::uint32_t> ids;
  for (const auto element : parent.children()) {
    if (element.is_text()) continue;
    if (!element.is(names.prekey, names.ns)) return unexpected(PayloadFault::structure);
    if (prekeys.size() == max_prekeys) return unexpected(PayloadFault::prekey_count);
    const auto id = parse_number(element.attribute_or_empty(names.prekey_id));
    if (!id) return unexpected(PayloadFault::id_range);
    if (!ids.insert(*id).second) return unexpected(PayloadFault::id_twice);
    const auto key = decoded_key(element, names);
    if (!key) return unexpected(PayloadFault::key_encoding);
    prekeys.push_back({*id, *key});
  }
  if (prekeys.empty()) return unexpected(PayloadFault::prekey_count);
  return prekeys;
}

}  // namespace

core::Text describe(PayloadFault fault) noexcept {
  switch (fault) {
    case PayloadFault::structure:
      return {"unexpected structure", "structure non conforme"};
    case PayloadFault::id_range:
      return {"an id is out of range", "un identifiant est hors limites"};
    case PayloadFault::id_twice:
      return {"an id occurs twice", "un identifiant apparaît deux fois"};
    case PayloadFault::too_many_devices:
      return {"too many devices", "trop d’appareils"};
    case PayloadFault::prekey_count:
      return {"wrong number of prekeys", "nombre de préclés incorrect"};
    case PayloadFault::key_encoding:
      return {"a key has the wrong form", "une clé n’a pas la bonne forme"};
    case PayloadFault::weak_key:
      return {"a key is weak", "une clé est faible"};
    case PayloadFault::signature:
      return {"the signature is wrong", "la signature est fausse"};
    case PayloadFault::identity_differs:
      return {"this device has another identity key", "cet appareil a une autre clé d’identité"};
    case PayloadFault::wrong_place:
      return {"published in the wrong place", "publication au mauvais endroit"};
    case PayloadFault::too_large:
      return {"too large", "trop volumineux"};
  }
  return {};
}

std::optional<std::uint32_t> parse_device_id(std::string_view text) noexcept {
  const auto id = parse_number(text);
  return id && *id != 0 ? id : std::nullopt;
}

std::expected<DeviceList, PayloadFault> parse_device_list(xml::Element list, OmemoVersion version,
                                                          std::size_t max_devices) {
  const auto& names = names_of(version);
  if (!list.is(names.list, names.ns) || list.has_visible_text()) return unexpected(PayloadFault::structure);
  DeviceList parsed;
  std::unordered_set<std::uint32_t> ids;
  for (const auto element : list.children()) {
    if (element.is_text()) continue;
    if (!element.is("device", names.ns) || element.first_element() || element.has_visible_text()) {
      return unexpected(PayloadFault::structure);
    }
    if (parsed.devices.size() == max_devices) return unexpected(PayloadFault::too_many_devices);
    const auto id = parse_device_id(element.attribute_or_empty("id"));
    if (!id) return unexpected(PayloadFault::id_range);
    if (!ids.insert(*id).second) return unexpected(PayloadFault::id_twice);
    Device device{.id = *id, .label = {}, .label_signature = {}};
    if (version == OmemoVersion::omemo_2) read_label(element, device);
    parsed.devices.push_back(std::move(device));
  }
  return parsed;
}

std::string to_xml(const DeviceList& list, OmemoVersion version) {
  const auto& names = names_of(version);
  std::string out;
  xml::Writer writer(out);
  writer.open(names.list, names.ns);
  for (const auto& device : list.devices) {
    writer.open("device").attribute("id", std::to_string(device.id));
    if (!device.label.empty()) {
      writer.attribute("label", device.label).attribute("labelsig", crypto::base64_encode(device.label_signature));
    }
    writer.close();
  }
  writer.close();
  return out;
}

std::optional<DeviceList> stored_device_list(std::string_view xml, OmemoVersion version) {
  const auto document = xml::parse_element(xml);
  if (!document) return std::nullopt;
  auto list = parse_device_list(document->root(), version, max_omemo_id);
  if (!list) return std::nullopt;
  return std::move(*list);
}

std::vector<std::uint32_t> ids_of(const DeviceList& list) {
  std::vector<std::uint32_t> ids;
  for (const auto& device : list.devices) ids.push_back(device.id);
  return ids;
}

std::expected<Bundle, PayloadFault> parse_bundle(xml::Element bundle, OmemoVersion version) {
  const auto& names = names_of(version);
  if (!bundle.is("bundle", names.ns) || bundle.has_visible_text()) return unexpected(PayloadFault::structure);
  Bundle parsed{.version = version, .identity = {}, .signed_prekey = {}, .signature = {}, .prekeys = {}};
  bool signed_prekey = false;
  bool identity = false;
  for (const auto element : bundle.children()) {
    if (element.is_text()) continue;
    if (element.is(names.signed_prekey, names.ns) && !signed_prekey) {
      const auto id = parse_number(element.attribute_or_empty(names.signed_prekey_id));
      const auto key = decoded_key(element, names);
      if (!id) return unexpected(PayloadFault::id_range);
      if (!key) return unexpected(PayloadFault::key_encoding);
      parsed.signed_prekey = {*id, *key};
      signed_prekey = true;
    } else if (element.is(names.signature, names.ns) && parsed.signature.empty()) {
      auto bytes = decoded(element, omemo_keys::signature_size);
      if (!bytes) return unexpected(PayloadFault::key_encoding);
      parsed.signature = std::move(*bytes);
    } else if (element.is(names.identity, names.ns) && !identity) {
      const auto key = decoded_key(element, names);
      if (!key) return unexpected(PayloadFault::key_encoding);
      parsed.identity = *key;
      identity = true;
    } else if (element.is("prekeys", names.ns) && parsed.prekeys.empty()) {
      auto prekeys = parse_prekeys(element, names);
      if (!prekeys) return unexpected(prekeys.error());
      parsed.prekeys = std::move(*prekeys);
    } else {
      return unexpected(PayloadFault::structure);
    }
  }
  if (!signed_prekey || !identity || parsed.signature.empty()) return unexpected(PayloadFault::structure);
  if (parsed.prekeys.empty()) return unexpected(PayloadFault::prekey_count);
  return parsed;
}

std::expected<void, PayloadFault> check_keys(const Bundle& bundle) {
  const auto identity = identity_u(bundle);
  if (!identity || omemo_keys::is_low_order(*identity)) return unexpected(PayloadFault::weak_key);
  if (omemo_keys::is_low_order(bundle.signed_prekey.key)) return unexpected(PayloadFault::weak_key);
  if (std::ranges::any_of(bundle.prekeys, [](const PreKey& prekey) {
        return omemo_keys::is_low_order(prekey.key) || is_text(prekey.key);
      })) {
    return unexpected(PayloadFault::weak_key);
  }
  const auto signed_bytes = serialised(bundle.signed_prekey.key, names_of(bundle.version));
  const bool good = bundle.version == OmemoVersion::legacy
                        ? omemo_keys::verify_curve25519(bundle.identity, signed_bytes, bundle.signature)
                        : omemo_keys::verify_ed25519(bundle.identity, signed_bytes, bundle.signature);
  if (!good) return unexpected(PayloadFault::signature);
  return {};
}

std::string to_xml(const Bundle& bundle) {
  const auto& names = names_of(bundle.version);
  const auto text = [&names](const omemo_keys::Key& key) { return crypto::base64_encode(serialised(key, names)); };
  std::string out;
  xml::Writer writer(out);
  writer.open("bundle", names.ns);
  writer.open(names.signed_prekey).attribute(names.signed_prekey_id, std::to_string(bundle.signed_prekey.id));
  writer.text(text(bundle.signed_prekey.key)).close();
  writer.element(names.signature, {}, crypto::base64_encode(bundle.signature));
  writer.element(names.identity, {}, text(bundle.identity));
  writer.open("prekeys");
  for (const auto& prekey : bundle.prekeys) {
    writer.open(names.prekey).attribute(names.prekey_id, std::to_string(prekey.id)).text(text(prekey.key)).close();
  }
  writer.close().close();
  return out;
}

std::optional<omemo_keys::Key> identity_u(const Bundle& bundle) {
  if (bundle.version == OmemoVersion::omemo_2) return omemo_keys::montgomery_u(bundle.identity);
  return bundle.identity;
}

bool is_probe_payload(xml::Element payload) noexcept {
  if (payload.ns() != core::ns::omemo_legacy) return false;
  if (payload.name() != "bundle" && payload.name() != "list") return false;
  if (payload.attribute_count() != 0) return false;
  const auto children = payload.children();
  return !(children.begin() != children.end());
}

}  // namespace valise::modules::pep
