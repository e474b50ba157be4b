#include "modules/pep/nodes.hpp"

#include <algorithm>

#include "core/namespaces.hpp"

namespace valise::modules::pep {
namespace {

constexpr std::string_view legacy_prefix = "eu.siacs.conversations.axolotl";
constexpr std::string_view legacy_list = "eu.siacs.conversations.axolotl.devicelist";
constexpr std::string_view legacy_bundles = "eu.siacs.conversations.axolotl.bundles:";
constexpr std::string_view legacy_verification = "eu.siacs.conversations.axolotl.verification:";
constexpr std::string_view omemo_2_list = "urn:xmpp:omemo:2:devices";
constexpr std::string_view omemo_2_bundles = "urn:xmpp:omemo:2:bundles";

// 8-4-4-4-12 hexadecimal digits.
bool is_uuid(std::string_view text) noexcept {
  if (text.size() != 36) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    const bool hex = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
    if (dash ? c != '-' : !hex) return false;
  }
  return true;
}

}  // namespace

NodeName classify(std::string_view node) noexcept {
  if (node == legacy_list) return {NodeKind::device_list, OmemoVersion::legacy, 0};
  if (node == omemo_2_list) return {NodeKind::device_list, OmemoVersion::omemo_2, 0};
  if (node == omemo_2_bundles) return {NodeKind::bundle, OmemoVersion::omemo_2, 0};
  if (node.starts_with(legacy_bundles)) {
    if (const auto id = parse_device_id(node.substr(legacy_bundles.size()))) {
      return {NodeKind::bundle, OmemoVersion::legacy, *id};
    }
  }
  if (node.starts_with(legacy_verification)) {
    if (const auto id = parse_device_id(node.substr(legacy_verification.size()))) {
      return {NodeKind::verification, OmemoVersion::legacy, *id};
    }
  }
  if (node.starts_with(legacy_prefix)) {
    const auto rest = node.substr(legacy_prefix.size());
    if (rest.starts_with('.') && is_uuid(rest.substr(1))) return {NodeKind::probe, OmemoVersion::legacy, 0};
    return {NodeKind::stray, OmemoVersion::legacy, 0};
  }
  if (node.starts_with("urn:xmpp:omemo:")) return {NodeKind::stray, OmemoVersion::omemo_2, 0};
  return {};
}

bool is_private(std::string_view node) noexcept {
  return node == "urn:xmpp:bookmarks:1" || node == "storage:bookmarks" || node == "urn:xmpp:mds:displayed:0";
}

std::string bundle_node(OmemoVersion version, std::uint32_t device) {
  if (version == OmemoVersion::omemo_2) return std::string(omemo_2_bundles);
  return std::string(legacy_bundles) + std::to_string(device);
}

std::string_view device_list_node(OmemoVersion version) noexcept {
  return version == OmemoVersion::omemo_2 ? omemo_2_list : legacy_list;
}

NodeConfig default_config(std::string_view node) {
  NodeConfig config;
  const auto name = classify(node);
  if (is_forced(name.kind)) {
    config.access = AccessModel::open;
    if (name.kind == NodeKind::bundle && name.version == OmemoVersion::omemo_2) {
      config.max_is_max = true;
      config.max_items = 0;
    }
  } else if (is_private(node)) {
    config.access = AccessModel::whitelist;
    // XEP-0402 §3.3, XEP-0490 §4.2: an item a room or chat, of which the last one says nothing.
    if (node != "storage:bookmarks") {
      config.send_last = SendLast::never;
      config.max_is_max = true;
      config.max_items = 0;
    }
  }
  return config;
}

std::expected<Fields, FormFault> read_form(xml::Element form, std::string_view form_type) {
  if (!form.is("x", core::ns::data_forms)) return std::unexpected(FormFault::malformed);
  if (form.attribute_or_empty("type") == "cancel") return std::unexpected(FormFault::cancelled);
  if (form.attribute_or_empty("type") != "submit") return std::unexpected(FormFault::malformed);
  Fields fields;
  for (const auto field : form.children()) {
    if (!field.is("field", core::ns::data_forms)) continue;
    if (fields.size() == 64) return std::unexpected(FormFault::malformed);
    std::vector<std::string> values;
    for (const auto value : field.children()) {
      if (!value.is("value", core::ns::data_forms)) continue;
      if (values.size() == 64) return std::unexpected(FormFault::malformed);
      values.push_back(value.text());
    }
    const auto name = field.attribute_or_empty("var");
    if (name == "FORM_TYPE") {
      if (values.empty() || values.front() != form_type) return std::unexpected(FormFault::wrong_type);
    } else if (!name.empty()) {
      fields.emplace_back(name, std::move(values));
    }
  }
  return fields;
}

void forget_prose(NodeConfig& config) {
  config.title.clear();
  config.description.clear();
  config.type.clear();
  config.language.clear();
}

bool add_subscriber(std::set<std::string>& all, std::string_view bare, std::string_view jid) {
  if (all.contains(std::string(jid))) return true;
  if (jid != bare) {
    std::vector<std::string> devices = addresses_of(all, bare);
    std::erase(devices, bare);
    if (devices.size() >= max_subscribed_devices) all.erase(devices.front());
  }
  if (all.size() >= max_subscribers) return false;
  all.emplace(jid);
  return true;
}

std::vector<std::string> addresses_of(const std::set<std::string>& all, std::string_view bare) {
  std::vector<std::string> found;
  if (const auto whole = all.find(std::string(bare)); whole != all.end()) found.push_back(*whole);
  const auto prefix = std::string(bare) + '/';
  for (auto at = all.lower_bound(prefix); at != all.end() && at->starts_with(prefix); ++at) found.push_back(*at);
  return found;
}

std::uint32_t items_kept(const NodeConfig& config, std::string_view node, const NodeLimits& limits) {
  const auto name = classify(node);
  if (name.kind == NodeKind::bundle && name.version == OmemoVersion::omemo_2) {
    return std::max(max_omemo_bundles, limits.max_items);
  }
  if (is_forced(name.kind)) return 1;
  if (config.max_is_max) return limits.max_items;
  return std::min(config.max_items, limits.max_items);
}

}  // namespace valise::modules::pep
