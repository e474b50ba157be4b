// XEP-0163 §4.3.4: whoever comes online gets the last item of each node that its client asked for: its own account's
// and those of the contacts it sees. Once a node and session; also when the caps become known only later.
#include <algorithm>

#include "modules/pep/module.hpp"

namespace valise::modules::pep {

void Pep::offer(core::Session& session) {
  const auto* capabilities = shard_.service<core::Capabilities>();
  if (!session.available || capabilities == nullptr) return;
  auto& mine = session.ensure_part<PepSession>(session_slot_);
  std::vector<std::string> nodes;
  capabilities->each_notify(session, [&](std::string_view node) {
    if (nodes.size() < max_offered && mine.offered.emplace(node).second) nodes.emplace_back(node);
  });
  if (nodes.empty()) return;
  auto& account = session.account;
  send_last(account, session.jid, nodes, SendLast::on_sub_and_presence);
  const auto* contacts = shard_.service<core::Contacts>();
  if (contacts == nullptr) return;
  const auto* blocking = shard_.service<core::Blocking>();
  contacts->each(account, [&](const storage::RosterItem& item) {
    if (core::has_blocked(blocking, account, item.jid)) return;
    if (item.subscription != storage::Subscription::to && item.subscription != storage::Subscription::both) return;
    const auto contact = core::Jid::parse(item.jid);
    if (!contact || !contact->has_local() || shard_.host(contact->domain()) == nullptr) return;
    shard_.on_home(*contact, [target = session.jid, nodes](core::Shard& there, core::Account* owner) {
      auto* pep = there.service<Pep>();
      if (owner == nullptr || !owner->exists || pep == nullptr) return;
      if (!pep->requester(*owner, target).sees_presence) return;
      if (core::has_blocked(there.service<core::Blocking>(), *owner, target.full())) return;
      pep->send_last(*owner, target, nodes, SendLast::on_sub_and_presence);
    });
  });
}

// `least`: the setting from which on a node takes part.
void Pep::send_last(core::Account& owner, const core::Jid& target, const std::vector<std::string>& nodes,
                    SendLast least) {
  const auto who = requester(owner, target);
  struct Asked {
    std::string node;
    std::uint32_t told;
  };
  std::vector<Asked> from_store;
  for (const auto& node : nodes) {
    const auto* state = find(owner, node);
    if (state == nullptr || !state->config.persist || state->config.send_last < least) continue;
    if (!state->config.deliver_notifications || refusal_for(owner, node, state->config, who)) continue;
    const auto name = classify(node);
    if (name.kind != NodeKind::device_list) {
      from_store.push_back({node, state->told});
      continue;
    }
    const auto& list = part(owner).list(name.version);
    if (!list.published) continue;
    shard_.route(core::make_message("headline", owner.jid, target, item_event(node, list.item_id, list.payload)));
  }
  if (from_store.empty()) return;
  using Items = std::vector<storage::PepItem>;
  shard_.read(
      [jid = owner.jid.str(), from_store](storage::Reader& reader) -> Result<Items> {
        Items items;
        for (const auto& asked : from_store) {
          auto found = reader.pep_items(jid, asked.node, 1);
          if (!found) return std::unexpected(found.error());
          for (auto& item : *found) items.push_back(std::move(item));
        }
        return items;
      },
      [this, jid = owner.jid, target, from_store](Result<Items> items) {
        auto* account = shard_.find_account(jid.full());
        if (!items || account == nullptr) return;
        for (const auto& item : *items) {
          const auto* state = find(*account, item.node);
          const auto asked = std::ranges::find(from_store, item.node, &Asked::node);
          // Changed while the store was read: the event of that change is on its way and is newer.
          if (state == nullptr || state->told != asked->told) continue;
          shard_.route(core::make_message("headline", jid, target, item_event(item.node, item.id, item.payload)));
        }
      });
}

}  // namespace valise::modules::pep
