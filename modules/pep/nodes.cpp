#include "modules/pep/nodes.hpp"

#include <algorithm>
#include <charconv>

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

constexpr std::pair<std::string_view, AccessModel> access_models[] = {{"open", AccessModel::open},
                                                                      {"presence", AccessModel::presence},
                                                                      {"roster", AccessModel::roster},
                                                                      {"whitelist", AccessModel::whitelist}};
constexpr std::pair<std::string_view, SendLast> send_lasts[] = {
    {"never", SendLast::never}, {"on_sub", SendLast::on_sub}, {"on_sub_and_presence", SendLast::on_sub_and_presence}};

template <class E, std::size_t n>
std::optional<E> value_of(const std::pair<std::string_view, E> (&table)[n], std::string_view name) noexcept {
  for (const auto& [known, value] : table) {
    if (known == name) return value;
  }
  return std::nullopt;
}

template <class E, std::size_t n>
std::string_view name_in(const std::pair<std::string_view, E> (&table)[n], E wanted) noexcept {
  for (const auto& [known, value] : table) {
    if (value == wanted) return known;
  }
  return {};
}

std::optional<bool> boolean(std::string_view text) noexcept {
  if (text == "1" || text == "true") return true;
  if (text == "0" || text == "false") return false;
  return std::nullopt;
}

std::optional<std::int64_t> number(std::string_view text) noexcept {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || end != text.data() + text.size() || value < 0) return std::nullopt;
  return value;
}

std::expected<void, ConfigFault> set_flag(bool& flag, std::string_view text) {
  const auto value = boolean(text);
  if (!value) return std::unexpected(ConfigFault::bad_value);
  flag = *value;
  return {};
}

std::expected<void, ConfigFault> set_text(std::string& field, std::string_view text) {
  if (text.size() > max_node_text) return std::unexpected(ConfigFault::not_acceptable);
  field = text;
  return {};
}

std::expected<void, ConfigFault> set_max_items(NodeConfig& config, std::string_view text, const NodeLimits& limits) {
  if (text == "max") {
    config.max_is_max = true;
    config.max_items = 0;
    return {};
  }
  const auto value = number(text);
  if (!value || *value == 0) return std::unexpected(ConfigFault::bad_value);
  if (*value > limits.max_items) return std::unexpected(ConfigFault::not_acceptable);
  config.max_is_max = false;
  config.max_items = static_cast<std::uint32_t>(*value);
  return {};
}

std::expected<void, ConfigFault> set_groups(NodeConfig& config, const std::vector<std::string>& groups) {
  if (groups.size() > 32) return std::unexpected(ConfigFault::not_acceptable);
  for (const auto& group : groups) {
    if (group.size() > max_node_text || group.find('\n') != std::string::npos) {
      return std::unexpected(ConfigFault::not_acceptable);
    }
  }
  config.groups = groups;
  std::ranges::sort(config.groups);
  return {};
}

std::expected<void, ConfigFault> set_access(NodeConfig& config, std::string_view text) {
  if (const auto model = value_of(access_models, text)) {
    config.access = *model;
    return {};
  }
  return std::unexpected(ConfigFault::unsupported_access_model);
}

// One pubsub# field. Fields that PEP has no use for change nothing.
std::expected<void, ConfigFault> set_field(NodeConfig& config, std::string_view field,
                                           const std::vector<std::string>& values, const NodeLimits& limits) {
  const std::string_view value = values.empty() ? std::string_view() : std::string_view(values.front());
  if (field == "pubsub#access_model") return set_access(config, value);
  if (field == "pubsub#max_items") return set_max_items(config, value, limits);
  if (field == "pubsub#persist_items") return set_flag(config.persist, value);
  if (field == "pubsub#deliver_notifications") return set_flag(config.deliver_notifications, value);
  if (field == "pubsub#deliver_payloads") return set_flag(config.deliver_payloads, value);
  if (field == "pubsub#notify_delete") return set_flag(config.notify_delete, value);
  if (field == "pubsub#notify_retract") return set_flag(config.notify_retract, value);
  if (field == "pubsub#title") return set_text(config.title, value);
  if (field == "pubsub#description") return set_text(config.description, value);
  if (field == "pubsub#type") return set_text(config.type, value);
  if (field == "pubsub#roster_groups_allowed") return set_groups(config, values);
  if (field == "pubsub#send_last_published_item") {
    const auto when = value_of(send_lasts, value);
    if (!when) return std::unexpected(ConfigFault::bad_value);
    config.send_last = *when;
  }
  return {};
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

std::string_view name_of(AccessModel model) noexcept { return name_in(access_models, model); }

std::string_view name_of(Affiliation affiliation) noexcept {
  switch (affiliation) {
    case Affiliation::none:
      return "none";
    case Affiliation::member:
      return "member";
    case Affiliation::outcast:
      return "outcast";
  }
  return "none";
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
    } else if (name.starts_with("pubsub#")) {
      fields.emplace_back(name, std::move(values));
    }
  }
  return fields;
}

std::expected<NodeConfig, ConfigFault> apply(NodeConfig config, std::string_view node, const Fields& fields,
                                             const NodeLimits& limits, bool sealed) {
  if (const auto kind = classify(node).kind; is_forced(kind)) {
    // Success, and only what may be asked is heard: whether deletions are told.
    for (const auto& [field, values] : fields) {
      if (values.empty()) continue;
      const auto flag = boolean(values.front());
      if (flag && field == "pubsub#notify_delete") config.notify_delete = *flag;
      if (flag && field == "pubsub#notify_retract") config.notify_retract = *flag;
    }
    return config;
  }
  for (const auto& [field, values] : fields) {
    if (sealed && is_prose(field)) continue;
    if (auto set = set_field(config, field, values, limits); !set) return std::unexpected(set.error());
  }
  if (sealed && is_private(node)) config.access = AccessModel::whitelist;
  return config;
}

bool is_prose(std::string_view field) noexcept {
  return field == "pubsub#title" || field == "pubsub#description" || field == "pubsub#type";
}

void forget_prose(NodeConfig& config) {
  config.title.clear();
  config.description.clear();
  config.type.clear();
}

bool add_subscriber(NodeConfig& config, std::string_view bare, std::string_view jid) {
  auto& all = config.subscribers;
  if (jid != bare) {
    const auto prefix = std::string(bare) + '/';
    const auto first = all.lower_bound(prefix);
    auto last = first;
    while (last != all.end() && last->starts_with(prefix)) ++last;
    if (static_cast<std::size_t>(std::distance(first, last)) >= max_subscribed_devices) all.erase(first);
  }
  if (all.size() >= max_subscribers) return false;
  all.emplace(jid);
  return true;
}

bool meets(const NodeConfig& config, std::string_view node, const Fields& preconditions, const NodeLimits& limits) {
  if (is_forced(classify(node).kind)) return true;
  for (const auto& [field, values] : preconditions) {
    NodeConfig wanted = config;
    if (!set_field(wanted, field, values, limits)) return false;
    // "max" and the number that it stands for are the same wish.
    if (items_kept(wanted, node, limits) != items_kept(config, node, limits)) return false;
    wanted.max_is_max = config.max_is_max;
    wanted.max_items = config.max_items;
    if (wanted != config) return false;
  }
  return true;
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
