// Changes of an account's nodes that another room makes in its owner's name, and those that follow from what clients
// publish: one unit, told like any other. Published through Shard::publish by modules/pep; on the account's home shard,
// with the account in memory.
#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/account.hpp"
#include "core/audit/record.hpp"
#include "core/stanza.hpp"
#include "modules/pep/devices.hpp"
#include "storage/types.hpp"

namespace valise::modules::pep {

// One item comes, is replaced, or goes; a legacy bundle, which is one item under any id, goes with its node.
struct ItemChange {
  std::string node;
  std::string id;
  std::optional<std::string> payload{};  // nothing: it goes
};

// What becomes durable in one unit. A node that is missing is made with its default configuration; a private one
// (bookmarks, displayed) is its owner's alone from then on (XEP-0411 §5).
struct OwnChanges {
  std::vector<ItemChange> items{};
  std::vector<storage::Write> writes{};  // rows of the same account that are the other room's
  std::move_only_function<void(core::Account&)> durable{};
  bool open = false;  // a node that is missing is made "open" instead
  std::optional<core::audit::Record> record{};
  bool untold = false;  // nobody is told of what the client published: of a list, unless it is another than before
};
using OwnChangesOr = std::expected<OwnChanges, core::StanzaError>;
using AnswerChanges = std::move_only_function<void(OwnChangesOr)>;

// What a client is about to change, behind every check.
struct NodeChange {
  enum class Kind : std::uint8_t { published, retracted, emptied, deleted };
  Kind kind = Kind::published;
  std::string node;
  std::string id;       // published, retracted
  std::string payload;  // published
  // Of OMEMO's lists and bundles: which one, and what is in it now. `device`: of a bundle; 0: of all in the node.
  OmemoVersion version = OmemoVersion::legacy;
  std::uint32_t device = 0;
  std::optional<std::vector<std::uint32_t>> listed{};
  std::optional<DeviceKeys> keys{};
  bool needs_approval = false;  // the administrator's rules want a device that is new in it to wait for him
  // Who changes it: the full address, and as records name it.
  core::Jid by{};
  Ref<const core::audit::Origin> origin{};
};

class PepOwnChanges {
 public:
  // `follow` is asked before a change of `node` is committed; until it has answered, now or later, nothing else changes
  // the account's nodes. What it answers belongs to the same unit; an item that it names again replaces what the client
  // published there; an error refuses the change. One room a node.
  using Follow = std::function<void(core::Account&, NodeChange, AnswerChanges)>;
  virtual void follow(std::string_view node, Follow follow) = 0;
  // The same for all of OMEMO's device lists and bundles.
  virtual void follow_keys(Follow follow) = 0;

  // Runs `make` when it is the turn of the account's changes; what it answers becomes durable, then `done`. Errors:
  // what `make` answered, resource-constraint where too much waits or there are too many nodes, store_away.
  // `publisher`: the full address that the items name.
  virtual void change(core::Account& account, core::Jid publisher, std::size_t bytes,
                      std::move_only_function<void(core::Account&, AnswerChanges)> make,
                      std::move_only_function<void(std::expected<void, core::StanzaError>)> done) = 0;

  // How many items the node keeps, or would keep if it were made.
  [[nodiscard]] virtual std::uint32_t keeps(const core::Account& account, std::string_view node) const = 0;

 protected:
  ~PepOwnChanges() = default;
};

}  // namespace valise::modules::pep

namespace valise::modules {
using pep::PepOwnChanges;
}  // namespace valise::modules
