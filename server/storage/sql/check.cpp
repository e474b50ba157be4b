#include "storage/sql/check.hpp"

#include <fmt/core.h>

namespace valise::storage::sql {
namespace {

// Remembers the first rule that was broken.
class Checker {
 public:
  explicit Checker(std::uint64_t set) : set_(set) {}

  void key(std::string_view field, std::string_view value, std::size_t most) {
    if (value.empty()) blame(ErrorCode::invalid, fmt::format("{} is empty", field));
    size(field, value.size(), most);
  }
  void size(std::string_view field, std::size_t bytes, std::size_t most) {
    if (bytes > most)
      blame(ErrorCode::limit, fmt::format("{} has {} bytes, at most {} can be stored", field, bytes, most));
  }
  void id(std::string_view field, std::uint64_t value) {
    if (value == 0 || value > max_id) blame(ErrorCode::invalid, fmt::format("{} {} is out of range", field, value));
  }
  template <class Enum>
  void range(std::string_view field, Enum value, Enum last) {
    if (value > last) blame(ErrorCode::invalid, fmt::format("{} is out of range", field));
  }
  void blame(ErrorCode code, std::string text) {
    if (result_) result_ = fail(code, fmt::format("unit {}: {}", set_, text));
  }
  [[nodiscard]] Result<> result() const { return result_; }

  void operator()(const PutAccount& w) {
    key("account name", w.account.jid, max_owner);
    range("account state", w.account.state, AccountState::removing);
    keys(w.account.keys);
  }
  void operator()(const SetAccountState& w) {
    key("account name", w.jid, max_owner);
    range("account state", w.state, AccountState::removing);
    if (w.state == AccountState::deleted) blame(ErrorCode::invalid, "deleting an account is EraseAccount");
  }
  void operator()(const SetAccountKeys& w) {
    key("account name", w.jid, max_owner);
    keys(w.keys);
  }
  void operator()(const EraseAccount& w) { key("account name", w.jid, max_owner); }
  void operator()(const PutRosterItem& w) {
    key("roster owner", w.owner, max_owner);
    key("contact", w.item.jid, max_bare);
    size("contact's name", w.item.name.size(), max_text);
    std::size_t bytes = 0;
    for (const auto& group : w.item.groups) bytes += 4 + group.size();
    size("contact's groups", bytes, max_text);
    size("contact's request", w.item.pending_in.size(), max_text);
    range("subscription", w.item.subscription, Subscription::both);
  }
  void operator()(const RemoveRosterItem& w) {
    key("roster owner", w.owner, max_owner);
    key("contact", w.jid, max_bare);
  }
  void operator()(const PutPepNode& w) {
    node(w.owner, w.node.node);
    std::size_t bytes = 0;
    for (const auto& [name, value] : w.node.config) bytes += 8 + name.size() + value.size();
    size("node configuration", bytes, max_text);
  }
  void operator()(const RemovePepNode& w) { node(w.owner, w.node); }
  void operator()(const PutPepItem& w) {
    node(w.owner, w.item.node);
    key("item id", w.item.id, max_name);
    size("publisher", w.item.publisher.size(), max_full);
    size("item", w.item.payload.size(), max_text);
  }
  void operator()(const RemovePepItem& w) {
    node(w.owner, w.node);
    key("item id", w.id, max_name);
  }
  void operator()(const PurgePepNode& w) { node(w.owner, w.node); }
  void operator()(const PutAccountData& w) {
    data(w.owner, w.kind, w.data.name);
    size("account data", w.data.value.size(), max_text);
  }
  void operator()(const RemoveAccountData& w) { data(w.owner, w.kind, w.name); }
  void operator()(const PutMessage& w) {
    if (messages_++ > 0) blame(ErrorCode::invalid, "two messages in one unit");  // they would share its id
    size("sender", w.message.from.size(), max_full);
    size("recipient", w.message.to.size(), max_full);
    size("stanza id", w.message.stanza_id.size(), max_text);
    size("digest", w.message.digest.size(), max_digest);
    size("stanza", w.message.stanza.size(), max_text);
    for (const auto& box : w.boxes) {
      key("box owner", box.owner, max_owner);
      size("peer", box.peer.size(), max_bare);
      range("direction", box.direction, Direction::out);
      if (!box.archived && box.direction == Direction::out) blame(ErrorCode::invalid, "a sent message only waits");
    }
  }
  void operator()(const MarkDelivered& w) {
    key("box owner", w.owner, max_owner);
    for (const auto message : w.ids) id("message id", message);
  }
  void operator()(const MarkUndelivered& w) {
    key("box owner", w.owner, max_owner);
    for (const auto message : w.ids) id("message id", message);
  }
  void operator()(const ExpireMessages& w) {
    key("box owner", w.owner, max_owner);
    for (const auto message : w.ids) id("message id", message);
  }
  void operator()(const PutHeld& w) {
    if (held_++ > 0) blame(ErrorCode::invalid, "two held messages in one unit");  // they would share its id
    key("held message's owner", w.message.owner, max_owner);
    size("sender", w.message.from.size(), max_full);
    size("recipient", w.message.to.size(), max_full);
    size("stanza id", w.message.stanza_id.size(), max_text);
    size("digest", w.message.digest.size(), max_digest);
    size("rule", w.message.rule.size(), max_name);
    size("why it is not sealed", w.message.unsealed.size(), max_reason);
    size("reason", w.message.reason.size(), max_reason);
    size("stanza", w.message.stanza.size(), max_text);
  }
  void operator()(const RemoveHeld& w) { id("held message's id", w.id); }
  void operator()(const SetHeldDue& w) { key("held message's owner", w.owner, max_owner); }

 private:
  void keys(const std::vector<ScramKey>& keys) {
    std::size_t bytes = 0;
    for (const auto& k : keys) {
      bytes += 64 + k.hash.size() + k.salt.size() + k.stored_key.size() + k.server_key.size();
    }
    size("account keys", bytes, max_text);
  }
  void node(std::string_view owner, std::string_view name) {
    key("node owner", owner, max_owner);
    key("node", name, max_name);
  }

  void data(std::string_view owner, DataKind kind, std::string_view name) {
    key("data owner", owner, max_owner);
    range("data kind", kind, DataKind::policy_group);
    key("data name", name, max_bare);
  }

  std::uint64_t set_;
  unsigned messages_ = 0, held_ = 0;
  Result<> result_;
};

}  // namespace

Result<> check(const WriteSet& set) {
  Checker checker(set.id);
  checker.id("id", set.id);
  for (const auto& write : set.writes) std::visit(checker, write);
  return checker.result();
}

std::pair<std::string_view, std::string_view> split_bare(std::string_view jid) noexcept {
  const auto at = jid.find('@');
  if (at == std::string_view::npos) return {jid, {}};
  return {jid.substr(at + 1), jid.substr(0, at)};
}

}  // namespace valise::storage::sql
