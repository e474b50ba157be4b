// PEP nodes: what their names mean, their configuration, and how it is stored, shown and changed (XEP-0060 §8.2,
// §16.4). Pure; OMEMO's nodes have a configuration that nobody can change.
#pragma once

#include <algorithm>
#include <cstdint>
#include <expected>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "modules/pep/omemo_payloads.hpp"
#include "xml/document.hpp"

namespace valise::modules::pep {

enum class NodeKind : std::uint8_t {
  ordinary,
  device_list,
  bundle,        // legacy: a node a device; omemo:2: one node, item id = device id
  verification,  // Conversations' certificate chains
  probe,         // eu.siacs.conversations.axolotl.<UUID>: a compliance tester's
  stray,         // in OMEMO's namespaces, but nothing that a client knows
};

struct NodeName {
  NodeKind kind = NodeKind::ordinary;
  OmemoVersion version = OmemoVersion::legacy;
  std::uint32_t device = 0;  // of a legacy bundle or a verification
};
[[nodiscard]] NodeName classify(std::string_view node) noexcept;
// Configured by the server: open, persistent, whatever is asked.
[[nodiscard]] constexpr bool is_forced(NodeKind kind) noexcept {
  return kind != NodeKind::ordinary && kind != NodeKind::stray;
}
// Holds what only its owner's devices need: whitelist by default.
[[nodiscard]] bool is_private(std::string_view node) noexcept;

enum class AccessModel : std::uint8_t { open, presence, roster, whitelist, authorize };
enum class PublishModel : std::uint8_t { publishers, subscribers, open };
enum class SendLast : std::uint8_t { never, on_sub, on_sub_and_presence };
enum class NodeFull : std::uint8_t { retract_oldest, discard_oldest, reject };
enum class Affiliation : std::uint8_t { none, outcast, member, publisher, publish_only };
[[nodiscard]] std::string_view name_of(AccessModel model) noexcept;
[[nodiscard]] std::string_view name_of(PublishModel model) noexcept;
[[nodiscard]] std::string_view name_of(SendLast when) noexcept;
[[nodiscard]] std::string_view name_of(Affiliation affiliation) noexcept;
// Nothing: no such affiliation, or "owner", of which a node of an account has one for ever (XEP-0163 §2.2).
[[nodiscard]] std::optional<Affiliation> affiliation_of(std::string_view name) noexcept;
[[nodiscard]] constexpr bool is_publishing(Affiliation affiliation) noexcept {
  return affiliation == Affiliation::publisher || affiliation == Affiliation::publish_only;
}

struct NodeLimits {
  std::uint32_t max_items = 256;         // what "max" means on ordinary nodes
  std::uint32_t item_bytes = 64 * 1024;  // the longest payload
};
inline constexpr std::uint32_t max_omemo_bundles = 256;
inline constexpr std::size_t max_subscribers = 256;       // explicit ones of a node, and as many requests
inline constexpr std::size_t max_subscribed_devices = 3;  // of one person
inline constexpr std::size_t max_affiliations = 256;
inline constexpr std::size_t max_node_text = 256;  // title, description, type, a group's name
inline constexpr std::size_t max_node_name = 512;
inline constexpr std::int64_t max_item_expire_s = 10LL * 365 * 24 * 3600;

struct NodeConfig {
  AccessModel access = AccessModel::presence;
  PublishModel publish = PublishModel::publishers;
  SendLast send_last = SendLast::on_sub_and_presence;
  NodeFull full = NodeFull::retract_oldest;
  bool persist = true;
  bool subscribe = true;
  bool deliver_notifications = true;
  bool deliver_payloads = true;
  bool headline = true;  // the type of its notifications; otherwise "normal"
  bool notify_config = false;
  bool notify_delete = true;
  bool notify_retract = true;
  bool notify_sub = false;
  bool names_publisher = false;  // itemreply: items name who published them (§7.1.2.3)
  bool max_is_max = false;       // max_items is "max"; the number is 0 then
  std::uint32_t max_items = 1;
  std::uint32_t max_payload_size = 0;  // bytes; 0: the server's limit alone
  std::int64_t item_expire_s = 0;      // 0: never
  std::string title, description, type, language;
  std::vector<std::string> groups;                  // of the roster, for AccessModel::roster; sorted
  std::map<std::string, Affiliation> affiliations;  // by bare JID; none is not among them
  std::set<std::string> subscribers;                // bare or full JIDs
  std::set<std::string> pending;                    // who asked for AccessModel::authorize; never also a subscriber
  std::map<std::uint32_t, std::int64_t> unlisted;   // bundles: device, since when no list names it (ms UTC)
  std::int64_t created_ms = 0;                      // UTC; 0: unknown
  friend bool operator==(const NodeConfig&, const NodeConfig&) = default;
};
// Neither items are kept nor payloads delivered: a publication is nothing but a signal (§4.3).
[[nodiscard]] constexpr bool is_signal(const NodeConfig& config) noexcept {
  return !config.persist && !config.deliver_payloads;
}
[[nodiscard]] constexpr std::uint32_t payload_limit(const NodeConfig& config, const NodeLimits& limits) noexcept {
  return config.max_payload_size == 0 ? limits.item_bytes : std::min(config.max_payload_size, limits.item_bytes);
}
// Whether an item that was published then is there now (pubsub#item_expire).
[[nodiscard]] constexpr bool is_live(const NodeConfig& config, std::int64_t published_ms,
                                     std::int64_t now_ms) noexcept {
  return config.item_expire_s == 0 || published_ms + config.item_expire_s * 1000 > now_ms;
}

[[nodiscard]] NodeConfig default_config(std::string_view node);

// What is asked of a node through a form, by field.
using Fields = std::vector<std::pair<std::string, std::vector<std::string>>>;
enum class FormFault : std::uint8_t { malformed, wrong_type, cancelled };
// A submitted form (XEP-0004 §3.2) whose FORM_TYPE, where there is one, is `form_type`.
[[nodiscard]] std::expected<Fields, FormFault> read_form(xml::Element form, std::string_view form_type);

enum class ConfigFault : std::uint8_t { not_acceptable, unsupported_access_model, unsupported_collection };
// The configuration with the fields applied. Partial submits are fine; unknown fields are ignored (XEP-0004 §3.2).
// `sealed` (hosts that carry sealed content only): private nodes stay "whitelist", prose is not heard, and nobody but
// the owner publishes.
[[nodiscard]] std::expected<NodeConfig, ConfigFault> apply(NodeConfig config, std::string_view node,
                                                           const Fields& fields, const NodeLimits& limits, bool sealed);
// Fields that say something to readers: title, description, type, language.
[[nodiscard]] bool is_prose(std::string_view field) noexcept;
void forget_prose(NodeConfig& config);
// Adds `jid`, which is `bare` or one of its devices, to subscribers or requests. A person has a few devices on a node:
// another one takes the place of an earlier one, whose resource may be long gone. False: there are too many.
[[nodiscard]] bool add_subscriber(std::set<std::string>& all, std::string_view bare, std::string_view jid);
// The addresses of `all` that are `bare` or one of its devices.
[[nodiscard]] std::vector<std::string> addresses_of(const std::set<std::string>& all, std::string_view bare);
// XEP-0060 §7.1.5: whether each field is as the node has it already. True for all on OMEMO's nodes; on others an
// unknown field or a malformed value is a precondition that does not hold.
[[nodiscard]] bool meets(const NodeConfig& config, std::string_view node, const Fields& preconditions,
                         const NodeLimits& limits);

// The <x xmlns='jabber:x:data' type='form'/> of XEP-0060 §8.2.1.
[[nodiscard]] std::string config_form(const NodeConfig& config, const NodeLimits& limits);
// §8.2.5.3: the same, of type "result", for those who are told of a change; without the owner's groups.
[[nodiscard]] std::string changed_form(const NodeConfig& config, const NodeLimits& limits);
// XEP-0060 §5.4: what a reader may know of a node of `owner`.
[[nodiscard]] std::string metadata_form(const NodeConfig& config, const NodeLimits& limits, std::string_view owner);

// Between the configuration and storage::PepNode::config. Hidden members are named "valise#…".
using StoredConfig = std::vector<std::pair<std::string, std::string>>;
[[nodiscard]] StoredConfig to_stored(const NodeConfig& config);
// What can't be read has its default: a stored row must never make an account unusable. Limits apply when it is used.
[[nodiscard]] NodeConfig from_stored(std::string_view node, const StoredConfig& stored);

// How many items the node keeps.
[[nodiscard]] std::uint32_t items_kept(const NodeConfig& config, std::string_view node, const NodeLimits& limits);

}  // namespace valise::modules::pep
