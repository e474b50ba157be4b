// PEP nodes: what their names mean, their configuration, and how it is stored, shown and changed (XEP-0060 §8.2,
// §16.4). Pure; OMEMO's nodes have a configuration that nobody can change.
#pragma once

#include <cstdint>
#include <expected>
#include <map>
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
[[nodiscard]] std::string bundle_node(OmemoVersion version, std::uint32_t device);
[[nodiscard]] std::string_view device_list_node(OmemoVersion version) noexcept;

enum class AccessModel : std::uint8_t { open, presence, roster, whitelist };
enum class SendLast : std::uint8_t { never, on_sub, on_sub_and_presence };
enum class Affiliation : std::uint8_t { none, member, outcast };
[[nodiscard]] std::string_view name_of(AccessModel model) noexcept;
[[nodiscard]] std::string_view name_of(Affiliation affiliation) noexcept;

struct NodeLimits {
  std::uint32_t max_items = 256;  // what "max" means on ordinary nodes
};
inline constexpr std::uint32_t max_omemo_bundles = 256;
inline constexpr std::size_t max_subscribers = 256;       // explicit ones of a node
inline constexpr std::size_t max_subscribed_devices = 3;  // of one person
inline constexpr std::size_t max_affiliations = 256;
inline constexpr std::size_t max_node_text = 256;  // title, description, type, a group's name
inline constexpr std::size_t max_node_name = 512;

struct NodeConfig {
  AccessModel access = AccessModel::presence;
  SendLast send_last = SendLast::on_sub_and_presence;
  bool persist = true;
  bool deliver_notifications = true;
  bool deliver_payloads = true;
  bool notify_delete = true;
  bool notify_retract = true;
  bool max_is_max = false;  // max_items is "max"; the number is 0 then
  std::uint32_t max_items = 1;
  std::string title, description, type;
  std::vector<std::string> groups;                  // of the roster, for AccessModel::roster; sorted
  std::map<std::string, Affiliation> affiliations;  // by bare JID
  std::set<std::string> subscribers;                // bare or full JIDs
  std::int64_t created_ms = 0;                      // UTC; kept for probe nodes only
  friend bool operator==(const NodeConfig&, const NodeConfig&) = default;
};

[[nodiscard]] NodeConfig default_config(std::string_view node);

// What may be asked of a node through a form, by field. Unknown fields were left out.
using Fields = std::vector<std::pair<std::string, std::vector<std::string>>>;
enum class FormFault : std::uint8_t { malformed, wrong_type, cancelled };
// A submitted form (XEP-0004 §3.2) whose FORM_TYPE, where there is one, is `form_type`.
[[nodiscard]] std::expected<Fields, FormFault> read_form(xml::Element form, std::string_view form_type);

enum class ConfigFault : std::uint8_t { bad_value, unsupported_access_model, not_acceptable };
// The configuration with the fields applied. Partial submits are fine; fields that no PEP node has are ignored.
// `sealed` (hosts that carry sealed content only): private nodes stay "whitelist", and prose is not heard.
[[nodiscard]] std::expected<NodeConfig, ConfigFault> apply(NodeConfig config, std::string_view node,
                                                           const Fields& fields, const NodeLimits& limits, bool sealed);
// Fields that say something to readers: title, description, type.
[[nodiscard]] bool is_prose(std::string_view field) noexcept;
void forget_prose(NodeConfig& config);
// Subscribes `jid`, which is `bare` or one of its devices. A person has a few devices on a node: another one takes the
// place of an earlier one, whose resource may be long gone. False: the node has too many subscribers.
[[nodiscard]] bool add_subscriber(NodeConfig& config, std::string_view bare, std::string_view jid);
// XEP-0060 §7.1.5: whether each field is as the node has it already. True for what is unknown or malformed on OMEMO's
// nodes; on others a malformed value is a precondition that does not hold.
[[nodiscard]] bool meets(const NodeConfig& config, std::string_view node, const Fields& preconditions,
                         const NodeLimits& limits);

// The <x xmlns='jabber:x:data' type='form'/> of XEP-0060 §8.2.1.
[[nodiscard]] std::string config_form(const NodeConfig& config);
// XEP-0060 §5.4: what a reader may know.
[[nodiscard]] std::string metadata_form(const NodeConfig& config);

// Between the configuration and storage::PepNode::config. Hidden members are named "valise#…".
using StoredConfig = std::vector<std::pair<std::string, std::string>>;
[[nodiscard]] StoredConfig to_stored(const NodeConfig& config);
// What can't be read has its default: a stored row must never make an account unusable. Limits apply when it is used.
[[nodiscard]] NodeConfig from_stored(std::string_view node, const StoredConfig& stored);

// How many items the node keeps.
[[nodiscard]] std::uint32_t items_kept(const NodeConfig& config, std::string_view node, const NodeLimits& limits);

}  // namespace valise::modules::pep
