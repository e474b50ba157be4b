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
  if (received) return module.received(*owner, id, archived);
  module.look_again(*owner);
}

void OfflineModule::received(core::Account& account, std::uint64_t row, bool archived) {
  auto& received = waiting(account).in_hand.received;
  const bool first = received.empty();
  received.add(row, archived);
  if (!first) return;
  // One acknowledgement is for many.
  shard_.post([this, jid = account.jid] {
    if (auto* owner = shard_.find_account(jid.full())) mark_received(*owner);
  });
}

void OfflineModule::mark_received(core::Account& account) {
  commit(account, std::exchange(waiting(account).in_hand.received, {}), 0);
}

// What was delivered is durably no longer waiting. Where that fails it is shown again at the next log-in: twice is
// better than never.
void OfflineModule::commit(core::Account& account, Delivered delivered, std::size_t bytes) {
  if (delivered.empty()) return;
  auto ids = delivered.all();
  auto& marking = waiting(account).in_hand.marking;
  marking.insert(marking.end(), ids.begin(), ids.end());
  auto unit = std::make_unique<core::Unit>();
  const auto owner = account.jid.str();
  if (!delivered.archived.empty()) {
    unit->writes.emplace_back(storage::MarkDelivered{owner, std::move(delivered.archived), true});
  }
  if (!delivered.others.empty()) {
    unit->writes.emplace_back(storage::MarkDelivered{owner, std::move(delivered.others), false});
  }
  unit->done = [this, &account, ids = std::move(ids)](core::Unit& finished) {
    auto& part = waiting(account);
    std::erase_if(part.in_hand.marking, [&](std::uint64_t id) { return std::ranges::find(ids, id) != ids.end(); });
    if (!finished.outcome) return;
    part.queue.remove(ids);
    if (part.drain.session != 0) part.drain.gone.insert(part.drain.gone.end(), ids.begin(), ids.end());
  };
  shard_.commit_in_order(account, std::move(unit), bytes);
}

// ---- what a client reads in its archive

bool OfflineModule::show(core::Session& session, const core::StanzaPtr& stanza, std::uint64_t row) {
  if (!waits(session.account).queue.holds(row) || is_unseen_elsewhere(session, row)) {
    session.stream.deliver(stanza, nullptr, {});
    return false;
  }
  auto custody = std::make_unique<RowInHand>(*this, session.account.jid, row, true);
  if (!session.stream.entrust(stanza, {}, *custody)) return false;
  (void)custody.release();  // it deletes itself
  return true;
}

// Only what is archived can have been shown. A drain under way leaves it out.
void OfflineModule::shown(core::Session& session, const std::vector<std::uint64_t>& rows) {
  auto& account = session.account;
  if (waits(account).queue.size() == 0) return;
  auto& part = waiting(account);
  Delivered delivered;
  std::ranges::copy_if(rows, std::back_inserter(delivered.archived),
                       [&](auto id) { return part.queue.holds(id) && !is_unseen_elsewhere(session, id); });
  auto& page = part.drain.page;
  const auto unsent = page.begin() + static_cast<std::ptrdiff_t>(std::min(part.drain.next, page.size()));
  page.erase(std::remove_if(unsent, page.end(),
                            [&](const auto& row) {
                              return std::ranges::find(delivered.archived, row.id) != delivered.archived.end();
                            }),
             page.end());
  const auto bytes = delivered.archived.size() * sizeof(std::uint64_t);
  commit(account, std::move(delivered), bytes);
}

// ---- what came while a session collected what waited

bool OfflineModule::is_unseen_elsewhere(const core::Session& session, std::uint64_t row) const {
  return std::ranges::any_of(waits(session.account).in_hand.unseen, [&](const InHand::Unseen& unseen) {
    return unseen.session != session.id && std::ranges::find(unseen.rows, row) != unseen.rows.end();
  });
}

void OfflineModule::show_unseen(core::Session& session, std::uint64_t row, const core::Stanza& stanza,
                                const std::string& extra) {
  auto& account = session.account;
  std::vector<std::uint64_t> waiters;
  for (auto& unseen : waiting(account).in_hand.unseen) {
    if (std::erase(unseen.rows, row) > 0 && unseen.session != session.id) waiters.push_back(unseen.session);
  }
  if (waiters.empty()) return;
  std::vector<std::uint64_t> others;  // who sees nothing
  for (const auto* other : account.sessions) {
    if (std::ranges::find(waiters, other->id) == waiters.end()) others.push_back(other->id);
  }
  shard_.show_arrived(account, stanza, others, row, extra);
}

// ----

std::vector<std::uint64_t> OfflineModule::known_to(const core::Session& session) const {
  auto known = session.stream.held_rows();
  const auto& in_hand = waits(session.account).in_hand;
  const auto received = in_hand.received.all();
  known.insert(known.end(), received.begin(), received.end());
  known.insert(known.end(), in_hand.marking.begin(), in_hand.marking.end());
  std::ranges::sort(known);
  return known;
}

bool OfflineModule::has_news_for(const core::Session& session) const {
  if (!session.available || session.priority < 0 || !session.stream.connected()) return false;
  return waits(session.account).queue.has_other_than(known_to(session));
}

void OfflineModule::look_again(core::Account& account) {
  if (waits(account).drain.session != 0) return;
  for (auto* session : account.sessions) {
    if (has_news_for(*session)) return begin(*session);
  }
}

void OfflineModule::detached(core::Session& session) {
  if (waits(session.account).drain.session != session.id) return;
  auto& part = waiting(session.account);
  const auto held = std::ranges::find(part.drain.held, session.id, &Drain::Held::session);
  if (held != part.drain.held.end()) {
    part.in_hand.parked.push_back(*held);
    part.drain.held.erase(held);
  }
  end(session.account, false);
}

void OfflineModule::resumed(core::Session& session) {
  if (auto* const part = session.account.part<Waiting>(slot_)) {
    auto& parked = part->in_hand.parked;
    if (const auto found = std::ranges::find(parked, session.id, &Drain::Held::session); found != parked.end()) {
      session.priority = found->priority;
      parked.erase(found);
    }
  }
  if (session.available) available(session);
  release(session);
}

}  // namespace valise::modules::offline
