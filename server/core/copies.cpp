// Who else sees a message: other sessions of its sender and of its recipient (XEP-0280), once it is on its way for
// good.
#include "core/copies.hpp"

#include "core/shard.hpp"

namespace valise::core {

// They may be asked for until the unit is complete, so this costs every message something, but no allocation.
void Shard::show_sender(Unit& unit, Flow& flow) {
  const auto& from = flow.stanza->from;
  if (hooks_.copies == nullptr || !flow.watchers || from.same_bare(flow.recipient->jid)) return;
  unit.beside.watchers = std::move(flow.watchers);
  unit.beside.shard = kernel_.home_index(from.bare());
  auto* there = kernel_.shards[unit.beside.shard].get();
  // The copy and what the archive shows are one; a re-send may have its row already.
  const auto row = flow.kept_for_sender ? flow.row : 0;
  if (row != 0 || puts_row(unit.writes, from.bare())) {
    unit.beside.done = [there, row, message = flow.stanza](Unit& told) {
      const auto id = row != 0 ? row : told.id;
      there->show_sent(message, id, stanza_id(id, message->from.to_bare()));
    };
  } else {
    unit.beside.done = [there, message = flow.stanza](Unit& told) { there->show_sent(message, told.id, {}); };
  }
}

void Shard::show_sender(const Flow& flow) {
  const auto& from = flow.stanza->from;
  if (hooks_.copies == nullptr || !flow.watchers || !flow.watchers->any() || from.same_bare(flow.recipient->jid))
    return;
  const auto home = kernel_.home_index(from.bare());
  post_to(home, [there = kernel_.shards[home].get(), message = flow.stanza] { there->show_sent(message, 0, {}); });
}

void Shard::show_sent(const StanzaPtr& message, std::uint64_t id, std::string extra) {
  auto* account = find_account(message->from.bare());
  if (account == nullptr) return;
  if (account->again == nullptr) return hooks_.copies->sent(*account, *message, id, extra);
  account->in_order(
      [this, account, message, id, extra = std::move(extra)] { hooks_.copies->sent(*account, *message, id, extra); },
      message->memory());
}

void Shard::show_arrived(Account& account, const Stanza& message, std::span<const std::uint64_t> receivers,
                         std::uint64_t id, std::string_view extra) {
  if (hooks_.copies == nullptr || !account.watchers->any()) return;
  hooks_.copies->arrived(account, message, receivers, id, extra);
}

void Shard::show_in_order(Account& account, StanzaPtr message, const std::vector<Session*>& receivers) {
  if (hooks_.copies == nullptr || !account.watchers->any()) return;
  std::vector<std::uint64_t> ids;
  for (const auto* session : receivers) {
    if (session != nullptr) ids.push_back(session->id);
  }
  const auto bytes = message->memory();
  account.in_order([this, &account, message = std::move(message),
                    ids = std::move(ids)] { show_arrived(account, *message, ids, 0, {}); },
                   bytes);
}

bool Shard::is_watched(const Account& account, const Stanza& message) const {
  return hooks_.copies != nullptr && account.watchers->any() && hooks_.copies->is_watched(account, message);
}

}  // namespace valise::core
