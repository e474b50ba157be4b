// Presence that arrives for a local account (RFC 6121 §4.3.2, §8.5).
#include "base/clock.hpp"
#include "core/namespaces.hpp"
#include "modules/presence/module.hpp"
#include "xml/writer.hpp"

namespace valise::modules::presence {

void deliver_to_available(core::Account& account, const core::StanzaPtr& stanza, const core::Session* except) {
  for (std::size_t i = 0; i < account.sessions.size();) {
    auto* session = account.sessions[i];
    if (session->available && session != except) session->stream.deliver(stanza, &account.jid, {});
    if (i < account.sessions.size() && account.sessions[i] == session) ++i;  // a full queue may have ended it
  }
}

void PresenceModule::inbound(core::Flow flow) {
  auto& account = *flow.recipient;
  const auto& stanza = flow.stanza;
  const auto& type = stanza->type;
  if (is_about_subscriptions(type)) {
    auto* subscriptions = shard_.service<Subscriptions>();
    if (subscriptions == nullptr || !account.exists) return shard_.handled(flow);  // §8.5.1
    return subscriptions->inbound(std::move(flow));
  }
  shard_.handled(flow);  // it leaves nothing that could be lost
  if (type == "probe") return answer_probe(account, *stanza);
  if (!account.exists) return;  // §8.5.1
  if (!type.empty() && type != "unavailable" && type != "error") return;
  if (stanza->to->is_bare()) return arrived(account, stanza);  // §8.5.2.1.2
  // §8.5.3.1: also to a session that is not available, such as one that joins a room first.
  auto* session = account.find(stanza->to->resource());
  if (session == nullptr) return;
  if (auto* directed = session->part<Directed>(slot_); directed != nullptr && type == "unavailable") {
    directed->remove(stanza->from);
  }
  session->stream.deliver(stanza, nullptr, {});
}

void PresenceModule::arrived(core::Account& account, const core::StanzaPtr& stanza) {
  undirect(account, *stanza);
  deliver_to_available(account, stanza);
}

void PresenceModule::undirect(core::Account& account, const core::Stanza& stanza) {
  if (stanza.type != "unavailable") return;
  for (auto* session : account.sessions) {
    if (auto* directed = session->part<Directed>(slot_)) directed->remove(stanza.from);
  }
}

bool PresenceModule::has_subscription(const core::Account& account, const core::Jid& contact,
                                      storage::Subscription bit) const {
  if (contact.same_bare(account.jid)) return true;
  const auto* known = contacts();
  const auto* item = known == nullptr ? nullptr : known->find(account, contact.bare());
  return item != nullptr && (static_cast<unsigned>(item->subscription) & static_cast<unsigned>(bit)) != 0;
}

bool PresenceModule::is_shown_to(const core::Session& session, const core::Jid& who) const {
  if (has_subscription(session.account, who, storage::Subscription::from)) return true;
  const auto* directed = session.part<Directed>(slot_);
  return directed != nullptr && directed->knows(who);
}

// §4.3.2, with the ids of §4.3.2.1.
void PresenceModule::answer_probe(core::Account& account, const core::Stanza& probe) {
  if (!account.exists || !has_subscription(account, probe.from, storage::Subscription::from)) {
    if (answer_by_directed(account, probe)) return;
    auto refusal = core::make_presence("unsubscribed", account.jid, probe.from.to_bare());
    refusal->id = probe.id;
    return shard_.route(std::move(refusal));
  }
  if (!probe.to->is_bare()) return answer_probe_of_resource(account, probe);
  bool any = false;
  for (const auto* session : account.sessions) {
    if (!session->available || !session->presence || session->jid == probe.from) continue;
    shard_.route(addressed(*session->presence, probe.from));
    any = true;
  }
  if (any || probe.from.same_bare(account.jid)) return;
  std::string delay;
  const auto* last_seen = shard_.service<core::LastSeen>();
  if (const auto ms = last_seen == nullptr ? 0 : last_seen->last_seen_ms(account); ms != 0) {
    xml::Writer(delay).open("delay", core::ns::delay).attribute("stamp", format_utc_ms(ms)).close();
  }
  auto gone = core::make_presence("unavailable", account.jid, probe.from, std::move(delay));
  gone->id = probe.id;
  shard_.route(std::move(gone));
}

// Whether that resource is there, and nothing else of it.
void PresenceModule::answer_probe_of_resource(const core::Account& account, const core::Stanza& probe) {
  const auto* session = account.find(probe.to->resource());
  const bool there = session != nullptr && session->available && session->presence;
  auto answer = core::make_presence(there ? "" : "unavailable", *probe.to, probe.from);
  answer->id = there ? session->presence->id : probe.id;
  shard_.route(std::move(answer));
}

bool PresenceModule::answer_by_directed(const core::Account& account, const core::Stanza& probe) {
  bool any = false;
  for (const auto* session : account.sessions) {
    if (!probe.to->is_bare() && session->jid != *probe.to) continue;
    const auto* directed = session->part<Directed>(slot_);
    if (directed == nullptr || !directed->knows(probe.from)) continue;
    shard_.route(core::make_presence("", session->jid, probe.from));
    any = true;
  }
  return any;
}

}  // namespace valise::modules::presence
