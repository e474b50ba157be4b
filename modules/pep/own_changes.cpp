#include "modules/pep/own_changes.hpp"

#include <algorithm>
#include <set>

#include "base/clock.hpp"
#include "modules/pep/errors.hpp"
#include "modules/pep/module.hpp"

namespace valise::modules::pep {

void Pep::follow(std::string_view node, Follow follow) { followers_[std::string(node)] = std::move(follow); }

// What follows from a client's change of a node; `then` gets null if the account has left memory meanwhile.
void Pep::ask_follower(core::Account& account, NodeChange change, Turn turn,
                       std::move_only_function<void(core::Account*, OwnChangesOr)> then) {
  const auto name = classify(change.node);
  const Follow* follower = nullptr;
  if (name.kind == NodeKind::device_list || name.kind == NodeKind::bundle) {
    change.version = name.version;
    const auto of_item = name.device == 0 ? parse_device_id(change.id) : name.device;
    if (name.kind == NodeKind::bundle) change.device = of_item.value_or(0);
    follower = keys_follower_ ? &keys_follower_ : nullptr;
  } else if (const auto found = followers_.find(change.node); found != followers_.end()) {
    follower = &found->second;
  }
  if (follower == nullptr) return then(&account, OwnChanges());
  (*follower)(account, std::move(change),
              [this, jid = account.jid, turn = std::move(turn), then = std::move(then)](OwnChangesOr changes) mutable {
                then(shard_.find_account(jid.full()), std::move(changes));
              });
}

void Pep::ask_follower(core::Account& account, core::IqRequest request, NodeChange change, Turn turn,
                       std::move_only_function<void(core::Account&, core::IqRequest, OwnChanges)> then) {
  change.by = request.from();
  change.origin = request.origin();
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
      take_away(account, item, told, writes);
      continue;
    }
    const auto name = classify(item.node);
    if (name.kind == NodeKind::device_list) {  // told when each of its devices can be written to
      const auto list = stored_device_list(*item.payload, name.version);
      if (!list) continue;
      told.lists.push_back({name.version, item.id, *item.payload, ids_of(*list)});
    } else {
      told.events.emplace_back(item.node, item_event(state->config, item.node, item.id, publisher, *item.payload));
    }
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

void Pep::take_away(core::Account& account, const ItemChange& item, Told& told, std::vector<storage::Write>& writes) {
  const auto name = classify(item.node);
  if (name.kind == NodeKind::bundle && name.version == OmemoVersion::legacy) {
    forget_contents(account, name);
    told.gone.emplace_back(item.node, part(account).nodes.extract(item.node).mapped().config);
    writes.emplace_back(storage::RemovePepNode{account.jid.str(), item.node});
    return;
  }
  if (name.kind == NodeKind::bundle) forget_item(account, item.node, item.id);
  writes.emplace_back(storage::RemovePepItem{account.jid.str(), item.node, item.id});
  // Of a bundle nobody hears: its item's name is a device's number, and that device may be one that is kept out.
  if (name.kind != NodeKind::bundle && find(account, item.node)->config.notify_retract) {
    told.events.emplace_back(item.node, retract_event(item.node, item.id));
  }
}

// The rows of `carry_out` are durable.
void Pep::own_changes_done(core::Account& account, Told told, OwnChanges& changes) {
  for (const auto& [node, event] : told.events) {
    if (auto* saved = find(account, node)) saved->unsaved = false;
  }
  for (auto& [node, event] : told.events) tell(account, node, {.event = std::move(event)});
  for (auto& [node, config] : told.gone) {
    if (config.notify_delete) tell_with(account, node, config, {.event = node_event("delete", node)});
  }
  for (auto& list : told.lists) {
    if (auto* saved = find(account, device_list_node(list.version))) saved->unsaved = false;
    list_changed(account, std::move(list), false);
  }
  if (changes.durable) changes.durable(account);
}

// Of a list that is durable: what memory knows of it follows.
void Pep::list_changed(core::Account& account, ListChange list, bool untold) {
  auto& cached = part(account).list(list.version);
  std::vector<std::uint32_t> added;
  for (const auto id : list.ids) {
    if (std::ranges::find(cached.ids, id) == cached.ids.end()) added.push_back(id);
  }
  const bool same = cached.published && cached.payload == list.payload;
  cached = {.published = true,
            .item_id = std::move(list.item_id),
            .payload = std::move(list.payload),
            .published_ms = utc_now_ms(),
            .ids = std::move(list.ids),
            .changes = cached.changes + 1};
  note_unlisted(account);
  if (!untold || !same) tell_list(account, list.version, added);
}

void Pep::change(core::Account& account, core::Jid publisher, std::size_t bytes,
                 std::move_only_function<void(core::Account&, AnswerChanges)> make,
                 std::move_only_function<void(std::expected<void, core::StanzaError>)> done) {
  if (!has_room(account, bytes, true)) {
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
                    rows.record = std::move(changes->record);
                    commit(*now, std::move(rows),
                           [this, told = std::move(*told), changes = std::move(*changes), done = std::move(done)](
                               core::Account& account_then, bool durable) mutable {
                             if (!durable) return done(std::unexpected(core::store_away));
                             own_changes_done(account_then, std::move(told), changes);
                             done({});
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
