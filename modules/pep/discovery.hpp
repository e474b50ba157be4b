// What service discovery (modules/disco) asks about an account's PEP nodes. Published through Shard::publish by
// modules/pep; ask on the account's home shard, with the account in memory.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/account.hpp"

namespace valise::modules::pep {

class PepDiscovery {
 public:
  // Whether `requester` may learn that the account exists (access.hpp).
  [[nodiscard]] virtual bool is_visible(const core::Account& account, const core::Jid& requester) const = 0;
  // XEP-0163 §6.2: only the nodes that the requester may read or ask to subscribe to; name and title.
  virtual void each_node(const core::Account& account, const core::Jid& requester,
                         const std::function<void(std::string_view node, std::string_view title)>& visit) const = 0;
  // The meta-data form of such a node (XEP-0060 §5.4); nothing for all others.
  [[nodiscard]] virtual std::optional<std::string> node_form(const core::Account& account, const core::Jid& requester,
                                                             std::string_view node) const = 0;
  [[nodiscard]] virtual bool may_read(const core::Account& account, const core::Jid& requester,
                                      std::string_view node) const = 0;
  // All item ids of a node, newest first (XEP-0060 §5.5); nothing if the store is away.
  virtual void item_ids(const core::Account& account, std::string_view node,
                        std::move_only_function<void(std::optional<std::vector<std::string>>)> then) = 0;

 protected:
  ~PepDiscovery() = default;
};

}  // namespace valise::modules::pep

namespace valise::modules {
using pep::PepDiscovery;
}  // namespace valise::modules
