#include "modules/pep/own_changes.hpp"

#include <set>

#include "modules/pep/errors.hpp"
#include "modules/pep/module.hpp"

namespace valise::modules::pep {

void Pep::follow(std::string_view node, Follow follow) { followers_[std::string(node)] = std::move(follow); }

// What follows from a client's change of a node; `then` gets null if the account has left memory meanwhile.
void Pep::ask_follower(core::Account& account, NodeChange change, Turn turn,
                       std::move_only_function<void(core::Account*, OwnChangesOr)> then) {
  const auto found = followers_.find(change.node);
  if (found == followers_.end()) return then(&account, OwnChanges());
  found->second(account, std::move(change),
                [this, jid = account.jid, turn = std::move(turn), then = std::move(then)](
                    OwnChangesOr changes) mutable { then(shard_.find_account(jid.full()), std::move(changes)); });
}

void Pep::ask_follower(core::Account& account, core::IqRequest request, NodeChange change, Turn turn,
                       std::move_only_function<void(core::Account&, core::IqRequest, OwnChanges)> then) {
  ask_follower(
      account, std::move(change), std::move(turn),
      [request = std::move(request), then = std::move(then)](core::Account* owner, OwnChangesOr changes) mutable {
        if (owner == nullptr) return request.error(core::store_away);
        if (!changes) return request.error(changes.error());
        then(*owner, std::move(request), std::move(*changes));
      });
}

// A node of which another room changes items. Null: there is no room for it.
NodeState* Pep::own_node(core::Account& account, const std::string& node, bool open) {
  auto* state = find(account, node);
  if (state == nullptr) {
    if (no_room_for(account, node)) return nullptr;
    auto config = default_config(node);
    if (open) config.access = AccessModel::open;
    created(account, node, std::move(config));
    return find(account, node);
  }
  auto& config = state->config;
  if (!is_private(node)) return state;
  const bool all_kept = !default_config(node).max_is_max || items_kept(config, node, limits_) == limits_.max_items;
  if (config.access == AccessModel::whitelist && config.persist && all_kept) return state;
  config.access = AccessModel::whitelist;
  config.persist = true;
  if (!all_kept) {
    config.max_is_max = true;
    config.max_items = 0;
  }
  state->unsaved = true;
  return state;
}

// In memory, and as rows; what is to be told once they are durable. An error: nothing was changed but nodes that are
// empty.
std::expected<Pep::Told, core::StanzaError> Pep::carry_out(core::Account& account, OwnChanges& changes,
                                                           std::string_view publisher,
                                                           std::vector<storage::Write>& writes) {
  Told told;
  std::set<std::string> nodes;
  for (const auto& item : changes.items) {
    if (!item.payload && find(account, item.node) == nullptr) continue;
    if (own_node(account, item.node, changes.open) == nullptr) {
      return std::unexpected(errors::too_many({"This account has too many nodes.", "Ce compte a trop de nœuds."}));
    }
    nodes.insert(item.node);
  }
  for (const auto& node : nodes) save(account, node, writes);
  for (auto& item : changes.items) {
    const auto* state = find(account, item.node);
    if (state == nullptr || !state->config.persist) continue;
    if (!item.payload) {
      writes.emplace_back(storage::RemovePepItem{account.jid.str(), item.node, item.id});
      if (state->config.notify_retract) told.emplace_back(item.node, retract_event(item.node, item.id));
      continue;
    }
    told.emplace_back(item.node, item_event(state->config, item.node, item.id, publisher, *item.payload));
    storage::PepItem row{.node = item.node,
                         .id = std::move(item.id),
                         .publisher = std::string(publisher),
                         .payload = std::move(*item.payload)};
    writes.emplace_back(
        storage::PutPepItem{account.jid.str(), std::move(row), items_kept(state->config, item.node, limits_)});
  }
  for (auto& write : changes.writes) writes.push_back(std::move(write));
  return told;
}

// The rows of `carry_out` are durable.
void Pep::own_changes_done(core::Account& account, Told told, OwnChanges& changes) {
  for (const auto& [node, event] : told) {
    if (auto* saved = find(account, node)) saved->unsaved = false;
  }
  for (auto& [node, event] : told) tell(account, node, {.event = std::move(event)});
  if (changes.durable) changes.durable(account);
}

void Pep::change(core::Account& account, core::Jid publisher, std::size_t bytes,
                 std::move_only_function<void(core::Account&, AnswerChanges)> make,
                 std::move_only_function<void(std::expected<void, core::StanzaError>)> done) {
  auto& state = part(account);
  if (state.bytes + bytes > shard_.settings().queue_bytes) {
    return done(std::unexpected(errors::too_many({"Too many changes at once.", "Trop de modifications à la fois."})));
  }
  (void)in_turn(account, bytes, true,
                [this, publisher = std::move(publisher), bytes, make = std::move(make), done = std::move(done)](
                    core::Account& owner, Turn turn) mutable {
                  auto answer = [this, jid = owner.jid, publisher = std::move(publisher), bytes, turn = std::move(turn),
                                 done = std::move(done)](OwnChangesOr changes) mutable {
                    auto* now = shard_.find_account(jid.full());
                    if (now == nullptr) return done(std::unexpected(core::store_away));
                    if (!changes) return done(std::unexpected(std::move(changes.error())));
                    Rows rows{.writes = {}, .bytes = bytes};
                    auto told = carry_out(*now, *changes, publisher.full(), rows.writes);
                    if (!told) return done(std::unexpected(std::move(told.error())));
                    commit(*now, std::move(rows),
                           [this, told = std::move(*told), changes = std::move(*changes), done = std::move(done)](
                               core::Account& account_then, bool durable) mutable {
                             if (!durable) return done(std::unexpected(core::store_away));
                             done({});
                             own_changes_done(account_then, std::move(told), changes);
                           });
                  };
                  make(owner, std::move(answer));
                });
}

std::uint32_t Pep::keeps(const core::Account& account, std::string_view node) const {
  const auto* state = find(account, node);
  // A private node is widened before it is written (own_node).
  if (state == nullptr || is_private(node)) return items_kept(default_config(node), node, limits_);
  return items_kept(state->config, node, limits_);
}

}  // namespace valise::modules::pep
