// Nodes of the domain that another room has (XEP-0030 §3.2, §4.2), such as the list of commands. Published through
// Shard::publish by that room; asked on the asker's shard.
#pragma once

#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/iq.hpp"

namespace valise::modules::disco {

struct DomainNode {
  std::string info;                                          // identities and features, as XML
  std::vector<std::pair<std::string, std::string>> items{};  // node and name of each
};

class DomainNodes {
 public:
  // Nothing: there is no such node. The error: it is not for who asks.
  [[nodiscard]] virtual std::optional<std::expected<DomainNode, core::StanzaError>> domain_node(
      const core::IqRequest& request, std::string_view node) const = 0;

 protected:
  ~DomainNodes() = default;
};

}  // namespace valise::modules::disco
