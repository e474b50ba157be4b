// Rows whose messages were given to clients that acknowledge (XEP-0198): they are marked when the client has them, and
// sessions that lose their connection meanwhile get the rest when they come back.
#include <algorithm>
#include <utility>

#include "modules/offline/module.hpp"

namespace valise::modules::offline {

void RowInHand::settled(bool received) {
  const std::unique_ptr<RowInHand> self(this);
  auto* owner = module.shard_.find_account(account.full());
  if (owner == nullptr) return;
  if (received) return module.received(*owner, id);
  module.look_again(*owner);
}

void OfflineModule::received(core::Account& account, std::uint64_t row) {
  auto& in_hand = waiting(account).in_hand;
  in_hand.received.push_back(row);
  if (in_hand.received.size() > 1) return;
  // One acknowledgement is for many.
  shard_.post([this, jid = account.jid] {
    if (auto* owner = shard_.find_account(jid.full())) mark_received(*owner);
  });
}

// Where it fails they are shown again at the next log-in: twice is better than never.
void OfflineModule::mark_received(core::Account& account) {
  auto& in_hand = waiting(account).in_hand;
  auto ids = std::exchange(in_hand.received, {});
  if (ids.empty()) return;
  in_hand.marking.insert(in_hand.marking.end(), ids.begin(), ids.end());
  const auto* host = shard_.host(account.jid.domain());
  auto unit = std::make_unique<core::Unit>();
  unit->writes.emplace_back(storage::MarkDelivered{account.jid.str(), ids, host != nullptr && host->archive});
  unit->done = [this, &account, ids = std::move(ids)](core::Unit& finished) {
    auto& part = waiting(account);
    std::erase_if(part.in_hand.marking, [&](std::uint64_t id) { return std::ranges::find(ids, id) != ids.end(); });
    if (finished.outcome) part.queue.remove(ids);
  };
  shard_.commit_in_order(account, std::move(unit));
}

std::vector<std::uint64_t> OfflineModule::known_to(const core::Session& session) const {
  auto known = session.stream.held_rows();
  const auto& in_hand = waiting(session.account).in_hand;
  known.insert(known.end(), in_hand.received.begin(), in_hand.received.end());
  known.insert(known.end(), in_hand.marking.begin(), in_hand.marking.end());
  std::ranges::sort(known);
  return known;
}

bool OfflineModule::has_news_for(const core::Session& session) const {
  if (!session.available || session.priority < 0 || !session.stream.connected()) return false;
  return waiting(session.account).queue.has_other_than(known_to(session));
}

void OfflineModule::look_again(core::Account& account) {
  if (waiting(account).drain.session != 0) return;
  for (auto* session : account.sessions) {
    if (has_news_for(*session)) return begin(*session);
  }
}

void OfflineModule::detached(core::Session& session) {
  auto& part = waiting(session.account);
  if (part.drain.session != session.id) return;
  const auto held = std::ranges::find(part.drain.held, session.id, &Drain::Held::session);
  if (held != part.drain.held.end()) {
    part.in_hand.parked.push_back(*held);
    part.drain.held.erase(held);
  }
  end(session.account, false);
}

void OfflineModule::resumed(core::Session& session) {
  auto& part = waiting(session.account);
  auto& parked = part.in_hand.parked;
  if (const auto found = std::ranges::find(parked, session.id, &Drain::Held::session); found != parked.end()) {
    session.priority = found->priority;
    parked.erase(found);
  }
  if (session.available) available(session);
}

}  // namespace valise::modules::offline
