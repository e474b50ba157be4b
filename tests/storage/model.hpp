// The contract as the simplest program that keeps it: maps. Both stores are compared with it under random writes.
#pragma once

#include <map>
#include <set>

#include "storage/store.hpp"

namespace valise::storage::testing {

class Model {
 public:
  void apply(const WriteSet& set);

  [[nodiscard]] std::optional<Account> account(const std::string& jid) const;
  [[nodiscard]] std::vector<Account> accounts(const std::string& domain) const;  // without keys; no deleted ones
  [[nodiscard]] Roster roster(const std::string& owner) const;
  [[nodiscard]] std::vector<PepNode> pep_nodes(const std::string& owner) const;
  [[nodiscard]] std::vector<PepItem> pep_items(const std::string& owner, const std::string& node) const;
  [[nodiscard]] std::vector<AccountData> account_data(const std::string& owner, DataKind kind) const;
  [[nodiscard]] std::vector<BoxMessage> undelivered(const std::string& owner) const;
  [[nodiscard]] std::optional<BoxMessage> message(const std::string& owner, std::uint64_t id) const;
  // Those of the range, ascending; without `delivered`, which archives do not look up.
  [[nodiscard]] std::vector<BoxMessage> archived(const ArchiveRange& range) const;
  [[nodiscard]] bool has_message(std::uint64_t id) const { return messages_.contains(id); }
  [[nodiscard]] std::vector<BoxMessage> messages() const;  // without stanza and box, held ones too
  [[nodiscard]] std::vector<HeldMessage> held_due(std::int64_t until_ms) const;
  [[nodiscard]] std::vector<HeldMessage> held_of(const std::string& owner) const;  // without the stanza
  [[nodiscard]] std::uint64_t greatest_id() const { return greatest_; }

 private:
  struct Box {
    Direction direction;
    bool delivered;
    bool archived;
    std::string peer;
  };
  struct Message {
    BoxMessage content;
    std::map<std::string, Box> boxes;
  };
  struct Item {
    PepItem item;
    std::size_t place;
  };
  using NodeKey = std::pair<std::string, std::string>;  // owner, node

  void apply(const PutAccount& write);
  void apply(const SetAccountState& write);
  void apply(const SetAccountKeys& write);
  void apply(const EraseAccount& write);
  void apply(const PutRosterItem& write);
  void apply(const RemoveRosterItem& write);
  void apply(const PutPepNode& write);
  void apply(const RemovePepNode& write);
  void apply(const PutPepItem& write);
  void apply(const RemovePepItem& write);
  void apply(const PurgePepNode& write);
  void apply(const PutAccountData& write);
  void apply(const RemoveAccountData& write);
  void apply(const PutMessage& write);
  void apply(const MarkDelivered& write);
  void apply(const MarkUndelivered& write);
  void apply(const ExpireMessages& write);
  void apply(const PutHeld& write);
  void apply(const RemoveHeld& write);
  void apply(const SetHeldDue& write);
  void drop_box(std::uint64_t id, const std::string& owner);

  std::uint64_t id_ = 0;
  std::size_t place_ = 0;
  std::uint64_t greatest_ = 0;
  std::map<std::string, Account> accounts_;
  std::map<std::string, std::map<std::string, RosterItem>> rosters_;
  std::map<std::string, std::uint64_t> roster_versions_;
  std::map<NodeKey, PepNode> nodes_;
  std::map<NodeKey, std::map<std::string, Item>> items_;
  std::map<std::pair<std::string, DataKind>, std::map<std::string, std::string>> data_;  // by owner, kind; by name
  std::map<std::uint64_t, Message> messages_;
  std::map<std::uint64_t, HeldMessage> held_;
};

}  // namespace valise::storage::testing
