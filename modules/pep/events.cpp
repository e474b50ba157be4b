// XEP-0163 §4: who is told of a change. Own resources; contacts, whose home shard knows what their clients asked for;
// explicit subscribers. One stanza is shared by all who get it.
#include <algorithm>
#include <map>

#include "base/clock.hpp"
#include "core/namespaces.hpp"
#include "modules/pep/module.hpp"

namespace valise::modules::pep {
namespace {
constexpr std::int64_t hold_ms = 2'000;
}

HeldEvent::HeldEvent(Pep& pep_in, core::Jid account_in, OmemoVersion version_in)
    : pep(pep_in),
      account(std::move(account_in)),
      version(version_in),
      timer(
          [](void* self) {
            auto& held = *static_cast<HeldEvent*>(self);
            held.pep.release(core::Jid(held.account), held.version);
          },
          this) {}

void Pep::tell(core::Account& account, const std::string& node, std::string event) {
  auto* state = find(account, node);
  if (state == nullptr) return;
  ++state->told;
  tell_with(account, node, state->config, std::move(event));
}

bool Pep::wants(const core::Session& session, std::string_view node) const {
  const auto* capabilities = shard_.service<core::Capabilities>();
  return capabilities != nullptr && capabilities->has_feature(session, std::string(node) + "+notify");
}

void Pep::deliver(core::Session& session, const core::StanzaPtr& event) const {
  auto& account = session.account;
  if (!shard_.has_room(account)) return;
  account.in_order(
      [&account, id = session.id, event] {
        if (auto* alive = account.find_id(id)) alive->stream.deliver(*event, &alive->jid, {});
      },
      event->memory());
}

void Pep::tell_with(core::Account& account, const std::string& node, const NodeConfig& config, std::string event) {
  const auto kind = classify(node).kind;
  if (!config.deliver_notifications || kind == NodeKind::probe) return;
  const Event told{core::make_message("headline", account.jid, account.jid, std::move(event)), node};

  // Own resources hear of device lists whatever they asked for; of other nodes unless they named others only.
  const auto* capabilities = shard_.service<core::Capabilities>();
  const auto own = account.sessions;
  for (auto* session : own) {
    if (!session->available) continue;
    const bool silent = capabilities == nullptr || !capabilities->has_feature(*session, core::ns::disco_info);
    if (kind == NodeKind::device_list || silent || wants(*session, node)) deliver(*session, told.stanza);
  }

  std::map<std::string, Interest> others;
  const auto* blocking = shard_.service<core::Blocking>();
  if (const auto* contacts = shard_.service<core::Contacts>()) {
    contacts->each(account, [&](const storage::RosterItem& item) {
      if (core::has_blocked(blocking, account, item.jid)) return;
      const auto who = requester(account, core::Jid::parse(item.jid).value_or(core::Jid()));
      if (who.sees_presence && !refusal_for(account, node, config, who)) others[item.jid].by_presence = true;
    });
  }
  for (const auto& subscriber : config.subscribers) {
    const auto jid = core::Jid::parse(subscriber);
    if (!jid || jid->bare() == account.jid.full() || core::has_blocked(blocking, account, jid->full())) continue;
    if (refusal_for(account, node, config, requester(account, *jid))) continue;
    if (shard_.host(jid->domain()) == nullptr) continue;
    auto& interest = others[std::string(jid->bare())];
    if (jid->is_bare()) {
      interest.by_subscription = true;
    } else {
      interest.resources.emplace_back(jid->resource());
    }
  }
  for (auto& [bare, interest] : others) {
    const auto home = shard_.kernel().home_index(bare);
    auto* there = shard_.kernel().shards[home].get();
    shard_.post_to(
        home, [there, bare = bare, told, interest = std::move(interest)] { arrive(*there, bare, told, interest); });
  }
}

// On the home shard of somebody who may be interested. Nobody connected: nothing is loaded for it.
void Pep::arrive(core::Shard& there, const std::string& bare, const Event& event, const Interest& interest) {
  auto* account = there.find_account(bare);
  auto* pep = there.service<Pep>();
  if (account == nullptr || pep == nullptr) return;
  if (core::has_blocked(there.service<core::Blocking>(), *account, event.stanza->from.full())) return;
  bool asked = false;
  const auto sessions = account->sessions;
  for (auto* session : sessions) {
    if (!session->available) continue;
    const bool named = std::ranges::find(interest.resources, session->jid.resource()) != interest.resources.end();
    const bool notify = (interest.by_presence || interest.by_subscription) && pep->wants(*session, event.node);
    asked = asked || notify;
    if (named || notify) pep->deliver(*session, event.stanza);
  }
  if (!interest.by_subscription || asked) return;
  // Subscribed without caps that say so: one message to the bare address (XEP-0163 §4.3.2), as chats are delivered.
  for (auto* session : sessions) {
    if (session->available && session->priority >= 0) pep->deliver(*session, event.stanza);
  }
}

// ---- device lists: the event waits until each new device can be written to. Psi+ and others announce first; whoever
// asks too early remembers "no bundle" for minutes or hours.

void Pep::tell_list(core::Account& account, OmemoVersion version, const std::vector<std::uint32_t>& added) {
  auto& state = part(account);
  state.held[static_cast<std::size_t>(version)].reset();  // this list is newer
  std::vector<std::uint32_t> missing;
  for (const auto device : added) {
    if (state.identities.contains({version, device})) continue;
    if (version == OmemoVersion::legacy && state.nodes.contains(bundle_node(version, device))) continue;
    missing.push_back(device);
  }
  if (missing.empty()) return tell_list_now(account, version);
  hold(account, version, std::move(missing));
}

void Pep::tell_list_now(core::Account& account, OmemoVersion version) {
  const auto& list = part(account).list(version);
  const std::string node(device_list_node(version));
  if (list.published) tell(account, node, item_event(node, list.item_id, list.payload));
}

void Pep::hold(core::Account& account, OmemoVersion version, std::vector<std::uint32_t> missing) {
  auto& slot = part(account).held[static_cast<std::size_t>(version)];
  slot = std::make_unique<HeldEvent>(*this, account.jid, version);
  slot->missing = missing;
  shard_.loop().timers().arm(slot->timer, steady_ms(), hold_ms);
  // A bundle that was published before this account was loaded is only known to the store.
  for (const auto device : missing) {
    identity_key(account, version, device,
                 [this, jid = account.jid, version, device](const std::optional<omemo_keys::Key>& known) {
                   auto* owner = shard_.find_account(jid.full());
                   if (known && owner != nullptr) bundle_came(*owner, version, device);
                 });
  }
}

void Pep::bundle_came(core::Account& account, OmemoVersion version, std::uint32_t device) {
  auto& slot = part(account).held[static_cast<std::size_t>(version)];
  if (!slot) return;
  std::erase(slot->missing, device);
  if (slot->missing.empty()) release(account.jid, version);
}

void Pep::release(const core::Jid& jid, OmemoVersion version) {
  auto* account = shard_.find_account(jid.full());
  if (account == nullptr) return;
  auto& slot = part(*account).held[static_cast<std::size_t>(version)];
  if (!slot) return;
  slot.reset();
  tell_list_now(*account, version);
}

}  // namespace valise::modules::pep
