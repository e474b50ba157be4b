#include "model.hpp"

#include <algorithm>

namespace valise::storage::testing {

void Model::apply(const WriteSet& set) {
  id_ = set.id;
  place_ = 0;
  greatest_ = std::max(greatest_, id_);
  for (const auto& write : set.writes) {
    std::visit([this](const auto& w) { apply(w); }, write);
    ++place_;
  }
}

void Model::apply(const PutAccount& write) { accounts_[write.account.jid] = write.account; }

void Model::apply(const SetAccountState& write) {
  const auto found = accounts_.find(write.jid);
  if (found != accounts_.end() && !is_gone(found->second.state)) found->second.state = write.state;
}

void Model::apply(const SetAccountKeys& write) {
  const auto found = accounts_.find(write.jid);
  if (found != accounts_.end() && !is_gone(found->second.state)) found->second.keys = write.keys;
}

void Model::apply(const EraseAccount& write) {
  auto& account = accounts_[write.jid];
  account.jid = write.jid;
  account.state = AccountState::deleted;
  account.keys.clear();
  rosters_.erase(write.jid);
  roster_versions_.erase(write.jid);
  std::erase_if(nodes_, [&](const auto& node) { return node.first.first == write.jid; });
  std::erase_if(items_, [&](const auto& items) { return items.first.first == write.jid; });
  std::erase_if(data_, [&](const auto& data) { return data.first.first == write.jid; });
  std::erase_if(held_, [&](const auto& held) { return held.second.owner == write.jid; });
  for (auto message = messages_.begin(); message != messages_.end();) {
    const auto id = (message++)->first;
    drop_box(id, write.jid);
  }
}

void Model::apply(const PutRosterItem& write) {
  auto& item = rosters_[write.owner][write.item.jid] = write.item;
  item.version = roster_versions_[write.owner] = id_;
}

void Model::apply(const RemoveRosterItem& write) {
  rosters_[write.owner].erase(write.jid);
  roster_versions_[write.owner] = id_;
}

void Model::apply(const PutPepNode& write) { nodes_[{write.owner, write.node.node}] = write.node; }

void Model::apply(const RemovePepNode& write) {
  nodes_.erase({write.owner, write.node});
  items_.erase({write.owner, write.node});
}

void Model::apply(const PutPepItem& write) {
  auto& items = items_[{write.owner, write.item.node}];
  auto& item = items[write.item.id] = {write.item, place_};
  item.item.version = id_;
  while (items.size() > write.keep) {
    items.erase(std::ranges::min_element(
        items, {}, [](const auto& entry) { return std::pair(entry.second.item.version, entry.second.place); }));
  }
}

void Model::apply(const RemovePepItem& write) { items_[{write.owner, write.node}].erase(write.id); }
void Model::apply(const PurgePepNode& write) { items_.erase({write.owner, write.node}); }

void Model::apply(const PutAccountData& write) { data_[{write.owner, write.kind}][write.data.name] = write.data.value; }
void Model::apply(const RemoveAccountData& write) { data_[{write.owner, write.kind}].erase(write.name); }

void Model::apply(const PutMessage& write) {
  if (write.boxes.empty()) return;
  auto& message = messages_[id_];
  message.content = write.message;
  message.content.id = id_;
  for (const auto& box : write.boxes)
    message.boxes[box.owner] = {box.direction, box.delivered || box.direction == Direction::out, box.archived,
                                box.peer};
}

void Model::apply(const ExpireMessages& write) {
  for (const auto id : write.ids) {
    const auto message = messages_.find(id);
    if (message == messages_.end()) continue;
    const auto box = message->second.boxes.find(write.owner);
    if (box != message->second.boxes.end() && box->second.delivered) drop_box(id, write.owner);
  }
}

std::vector<BoxMessage> Model::archived(const ArchiveRange& range) const {
  std::vector<BoxMessage> found;
  for (const auto& [id, message] : messages_) {
    const auto box = message.boxes.find(range.owner);
    if (id <= range.after || id >= range.before || box == message.boxes.end() || !box->second.archived) continue;
    if (!range.peer.empty() && box->second.peer != range.peer) continue;
    if (!range.party.empty() && message.content.from != range.party && message.content.to != range.party) continue;
    found.push_back(message.content);
    found.back().direction = box->second.direction;
  }
  return found;
}

void Model::apply(const MarkDelivered& write) {
  for (const auto id : write.ids) {
    if (!write.keep) {
      drop_box(id, write.owner);
    } else if (const auto message = messages_.find(id); message != messages_.end()) {
      if (const auto box = message->second.boxes.find(write.owner); box != message->second.boxes.end()) {
        box->second.delivered = true;
      }
    }
  }
}

void Model::apply(const MarkUndelivered& write) {
  for (const auto id : write.ids) {
    const auto message = messages_.find(id);
    if (message == messages_.end()) continue;
    const auto box = message->second.boxes.find(write.owner);
    if (box != message->second.boxes.end() && box->second.direction == Direction::in) box->second.delivered = false;
  }
}

void Model::apply(const PutHeld& write) {
  auto& held = held_[id_] = write.message;
  held.id = id_;
}

void Model::apply(const RemoveHeld& write) { held_.erase(write.id); }

void Model::apply(const SetHeldDue& write) {
  for (auto& [id, held] : held_) {
    if (held.owner == write.owner) held.due_ms = write.due_ms;
  }
}

std::vector<HeldMessage> Model::held_due(std::int64_t until_ms) const {
  std::vector<HeldMessage> found;
  for (const auto& [id, held] : held_) {
    if (held.due_ms <= until_ms) found.push_back(held);
  }
  std::ranges::sort(found, {}, [](const HeldMessage& held) { return std::pair(held.due_ms, held.id); });
  return found;
}

std::vector<HeldMessage> Model::held_of(const std::string& owner) const {
  std::vector<HeldMessage> found;
  for (const auto& [id, held] : held_) {
    if (held.owner != owner) continue;
    found.push_back(held);
    found.back().stanza.clear();
  }
  return found;
}

void Model::drop_box(std::uint64_t id, const std::string& owner) {
  const auto message = messages_.find(id);
  if (message == messages_.end()) return;
  message->second.boxes.erase(owner);
  if (message->second.boxes.empty()) messages_.erase(message);
}

std::optional<Account> Model::account(const std::string& jid) const {
  const auto found = accounts_.find(jid);
  return found == accounts_.end() ? std::nullopt : std::optional(found->second);
}

std::vector<Account> Model::accounts(const std::string& domain) const {
  std::vector<Account> all;
  for (const auto& [jid, account] : accounts_) {
    if (account.state == AccountState::deleted || !jid.ends_with("@" + domain)) continue;
    all.push_back(account);
    all.back().keys.clear();
  }
  return all;
}

Roster Model::roster(const std::string& owner) const {
  Roster roster;
  if (const auto version = roster_versions_.find(owner); version != roster_versions_.end())
    roster.version = version->second;
  if (const auto items = rosters_.find(owner); items != rosters_.end()) {
    for (const auto& [jid, item] : items->second) roster.items.push_back(item);
  }
  return roster;
}

std::vector<PepNode> Model::pep_nodes(const std::string& owner) const {
  std::vector<PepNode> nodes;
  for (const auto& [key, node] : nodes_) {
    if (key.first == owner) nodes.push_back(node);
  }
  return nodes;
}

std::vector<PepItem> Model::pep_items(const std::string& owner, const std::string& node) const {
  std::vector<Item> sorted;
  if (const auto found = items_.find({owner, node}); found != items_.end()) {
    for (const auto& [id, item] : found->second) sorted.push_back(item);
  }
  std::ranges::sort(sorted, std::greater{}, [](const Item& i) { return std::pair(i.item.version, i.place); });
  std::vector<PepItem> items;
  for (auto& entry : sorted) items.push_back(std::move(entry.item));
  return items;
}

std::vector<AccountData> Model::account_data(const std::string& owner, DataKind kind) const {
  std::vector<AccountData> all;
  if (const auto found = data_.find({owner, kind}); found != data_.end()) {
    for (const auto& [name, value] : found->second) all.push_back({name, value});
  }
  return all;
}

std::vector<BoxMessage> Model::undelivered(const std::string& owner) const {
  std::vector<BoxMessage> found;
  for (const auto& [id, message] : messages_) {
    const auto box = message.boxes.find(owner);
    if (box == message.boxes.end() || box->second.delivered) continue;
    found.push_back(message.content);
    found.back().archived = box->second.archived;
  }
  return found;
}

std::optional<BoxMessage> Model::message(const std::string& owner, std::uint64_t id) const {
  const auto message = messages_.find(id);
  if (message == messages_.end()) return std::nullopt;
  const auto box = message->second.boxes.find(owner);
  if (box == message->second.boxes.end()) return std::nullopt;
  auto found = message->second.content;
  found.direction = box->second.direction;
  found.delivered = box->second.delivered;
  found.archived = box->second.archived;
  return found;
}

std::vector<BoxMessage> Model::messages() const {
  std::vector<BoxMessage> all;
  for (const auto& [id, message] : messages_) {
    all.push_back(message.content);
    all.back().stanza.clear();
  }
  for (const auto& [id, held] : held_) {
    if (messages_.contains(id)) continue;
    all.push_back(
        {.id = id, .from = held.from, .to = held.to, .stanza_id = held.stanza_id, .digest = held.digest, .stanza = {}});
  }
  std::ranges::sort(all, {}, &BoxMessage::id);
  return all;
}

}  // namespace valise::storage::testing
