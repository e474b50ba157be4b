// Copies (XEP-0280) for sessions that are still to get older messages follow those.
#include <algorithm>
#include <limits>
#include <utility>

#include "modules/offline/module.hpp"

namespace valise::modules::offline {

bool OfflineModule::keeps_behind(core::Session& session, std::uint64_t id, const core::StanzaPtr& copy) {
  const auto& now = waits(session.account);
  if (now.drain.session != session.id && !now.in_hand.is_parked(session.id)) return false;
  auto& all = waiting(session.account).in_hand.behind;
  auto own = std::ranges::find(all, session.id, &InHand::Behind::session);
  if (own == all.end()) own = all.insert(all.end(), {session.id, {}, 0});
  own->bytes += copy->memory();
  if (own->bytes > shard_.settings().queue_bytes / 4) {
    session.stream.end("resource-constraint", "too much follows what waited");
    return true;
  }
  auto& copies = own->copies;
  if (id == 0 && !copies.empty()) id = copies.back().first;
  const auto place = std::ranges::upper_bound(copies, id, {}, [](const auto& one) { return one.first; });
  copies.emplace(place, id, copy);
  return true;
}

void OfflineModule::release(core::Session& session, std::uint64_t id) {
  auto* const part = session.account.part<Waiting>(slot_);
  if (part == nullptr) return;
  auto& all = part->in_hand.behind;
  const auto own = std::ranges::find(all, session.id, &InHand::Behind::session);
  if (own == all.end()) return;
  const auto first_left = std::ranges::lower_bound(own->copies, id, {}, [](const auto& one) { return one.first; });
  const decltype(own->copies) due(std::make_move_iterator(own->copies.begin()), std::make_move_iterator(first_left));
  own->copies.erase(own->copies.begin(), first_left);
  for (const auto& [place, copy] : due) own->bytes -= copy->memory();
  if (own->copies.empty()) all.erase(own);
  for (const auto& [place, copy] : due) session.stream.deliver(copy, &session.jid, {});  // it may end the session
}

void OfflineModule::release(core::Session& session) {
  const auto& now = waits(session.account);
  if (now.drain.session == session.id || now.in_hand.is_parked(session.id)) return;
  release(session, std::numeric_limits<std::uint64_t>::max());
}

}  // namespace valise::modules::offline
