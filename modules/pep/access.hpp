// Who may do what with a PEP node (XEP-0060 §4.5, XEP-0163 §4.3), and who may learn that an account exists. Pure.
#pragma once

#include <optional>
#include <span>
#include <string>

#include "core/stanza.hpp"
#include "modules/pep/nodes.hpp"

namespace valise::modules::pep {

// How the one who asks stands to the account.
struct Requester {
  bool owner = false;
  bool sees_presence = false;             // subscription "from" or "both" in the account's roster
  bool insider = false;                   // logged in on this server
  std::span<const std::string> groups{};  // of the account's roster that hold the requester
  std::string bare{};
};

// Nothing: allowed to read items and to get events (XEP-0060 §6.5.1). Otherwise the error of §6.5.9.
// `owner_only`: neither model nor affiliations let anybody else in.
[[nodiscard]] std::optional<core::StanzaError> read_refusal(const NodeConfig& config, const Requester& requester,
                                                            bool owner_only = false);

// Nothing: may subscribe, or ask for it. Otherwise the error of §6.1.3.
[[nodiscard]] std::optional<core::StanzaError> subscribe_refusal(const NodeConfig& config, const Requester& requester,
                                                                 bool owner_only = false);
// Whether the owner has to say yes first (§6.1.4), to somebody who may subscribe.
[[nodiscard]] bool needs_approval(const NodeConfig& config, const Requester& requester);

// Nothing: may publish (§4.5 publish models, §7.1.3.1).
[[nodiscard]] std::optional<core::StanzaError> publish_refusal(const NodeConfig& config, const Requester& requester);

[[nodiscard]] Affiliation affiliation_of(const NodeConfig& config, const Requester& requester);

// Who is told that an account exists (XEP-0030 §8, RFC 6121 §8.5.1): whoever sees its presence; people who are logged
// in here ("otherwise trusted": they have to find each other's keys before they ever exchanged presence, and their
// clients understand "no such node" only); and everybody once it has a node that is open to all, such as a device list.
// To others it answers like an address that is unknown.
[[nodiscard]] bool account_is_visible(const Requester& requester, bool has_open_node) noexcept;

// <error/> children of http://jabber.org/protocol/pubsub#errors.
[[nodiscard]] std::string pubsub_condition(std::string_view name, std::string_view feature = {});

}  // namespace valise::modules::pep
