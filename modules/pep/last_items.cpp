// XEP-0163 §4.3.4: whoever comes online gets the last item of each node that its client asked for: its own account's
// and those of the contacts it sees. Once a node and session; also when the caps become known only later, and of what a
// contact opens to it while it is online.
#include <algorithm>
#include <set>

#include "base/clock.hpp"
#include "core/namespaces.hpp"
#include "modules/pep/module.hpp"
#include "xml/writer.hpp"

namespace valise::modules::pep {
namespace {

constexpr std::size_t most_hidden =
    20;  // items of devices that wait: as many as a list may hold; revoked ones have none

// §6.1.7: it says when it was published (XEP-0203).
std::string stamped(std::string event, std::int64_t published_ms) {
  xml::Writer(event).open("delay", core::ns::delay).attribute("stamp", format_utc_ms(published_ms)).close();
  return event;
}

}  // namespace

void Pep::offer(core::Session& session) {
  const auto* capabilities = shard_.service<core::Capabilities>();
  if (!session.available || capabilities == nullptr) return;
  std::set<std::string, std::less<>> wanted;
  capabilities->each_notify(session, [&](std::string_view node) {
    if (wanted.size() < max_offered) wanted.emplace(node);
  });
  if (wanted.empty() && session.part<PepSession>(session_slot_) == nullptr) return;
  auto& mine = session.ensure_part<PepSession>(session_slot_);
  // What a client no longer asks for it is told anew when it asks again. While its features are not known, nothing says
  // so.
  if (capabilities->knows(session)) {
    std::erase_if(mine.offered, [&](const auto& node) { return !wanted.contains(node); });
  }
  std::vector<std::string> nodes;
  for (const auto& node : wanted) {
    if (mine.offered.insert(node).second) nodes.push_back(node);
  }
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

// `nodes` of `owner` have just become readable for `contact` (XEP-0163 §4.3.4: a new subscriber).
void Pep::offer_opened(const core::Jid& owner, const core::Jid& contact, std::vector<std::string> nodes) {
  const auto home = shard_.kernel().home_index(contact.bare());
  auto* there = shard_.kernel().shards[home].get();
  shard_.post_to(home, [there, owner, contact, nodes = std::move(nodes)] {
    auto* account = there->find_account(contact.bare());
    auto* pep = there->service<Pep>();
    if (account == nullptr || pep == nullptr) return;
    for (const auto* session : account->sessions) {
      std::vector<std::string> wanted;
      if (!session->available) continue;
      for (const auto& node : nodes) {
        if (wanted.size() < max_offered && pep->wants(*session, node)) wanted.push_back(node);
      }
      if (wanted.empty()) continue;
      there->on_home(owner, [target = session->jid, wanted](core::Shard& back, core::Account* publisher) {
        auto* theirs = back.service<Pep>();
        if (publisher == nullptr || !publisher->exists || theirs == nullptr) return;
        theirs->send_last(*publisher, target, wanted, SendLast::on_sub_and_presence);
      });
    }
  });
}

// `least`: the setting from which on a node takes part.
void Pep::send_last(core::Account& owner, const core::Jid& target, const std::vector<std::string>& nodes,
                    SendLast least) {
  const auto who = requester(owner, target);
  struct Asked {
    std::string node;
    std::uint32_t told;
    std::vector<std::string> hidden;
  };
  std::vector<Asked> from_store;
  for (const auto& node : nodes) {
    const auto* state = find_shown(owner, node);
    if (state == nullptr || !state->config.persist || state->config.send_last < least) continue;
    if (!state->config.deliver_notifications || refusal_for(owner, node, state->config, who)) continue;
    const auto name = classify(node);
    if (name.kind != NodeKind::device_list) {
      from_store.push_back({node, state->told, hidden_items(owner, node, who)});
      continue;
    }
    const auto& list = part(owner).known_list(name.version);
    if (!list.published) continue;
    auto event = item_event(state->config, node, list.item_id, {}, list.payload);
    tell_one(owner, state->config, target, stamped(std::move(event), list.published_ms));
  }
  if (from_store.empty()) return;
  using Items = std::vector<storage::PepItem>;
  shard_.read(
      [jid = owner.jid.str(), sealed = is_sealed(owner), turned = switches(owner),
       from_store](storage::Reader& reader) -> Result<Items> {
        Items items;
        for (const auto& asked : from_store) {
          auto found = reader.pep_items(jid, asked.node, 1 + std::min(asked.hidden.size(), most_hidden));
          if (!found) return std::unexpected(found.error());
          for (auto& item : *found) {
            const bool hidden = std::ranges::find(asked.hidden, item.id) != asked.hidden.end();
            if (hidden) continue;
            if (!sealed || keep_allowed(item, turned)) items.push_back(std::move(item));
            break;
          }
        }
        return items;
      },
      [this, jid = owner.jid, target, from_store](Result<Items> items) {
        auto* account = shard_.find_account(jid.full());
        if (!items || account == nullptr || !shard_.has_room(*account)) return;
        std::size_t bytes = 0;
        for (const auto& item : *items) bytes += item.payload.size();
        // Behind what is being committed: the store may know of a change before this shard does.
        account->in_order(
            [this, account, target, from_store, items = std::move(*items)] {
              for (const auto& item : items) {
                const auto* state = find(*account, item.node);
                const auto asked = std::ranges::find(from_store, item.node, &Asked::node);
                // Changed since the store was asked: the event of that change is newer, and told.
                if (state == nullptr || state->told != asked->told) continue;
                const auto published_ms = IdGenerator::utc_ms(item.version);
                if (!is_live(state->config, published_ms, utc_now_ms())) continue;
                auto event = item_event(state->config, item.node, item.id, item.publisher, item.payload);
                tell_one(*account, state->config, target, stamped(std::move(event), published_ms));
              }
            },
            bytes);
      });
}

}  // namespace valise::modules::pep
