// Presence that arrives for a local account (RFC 6121 §4.3.2, §8.5).
#include "modules/presence/module.hpp"

namespace valise::modules::presence {

void deliver_to_available(core::Account& account, const core::Stanza& stanza, const core::Session* except) {
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
    if (subscriptions == nullptr) return shard_.handled(flow);
    return subscriptions->inbound(std::move(flow));
  }
  shard_.handled(flow);  // it leaves nothing that could be lost
  if (type == "probe") return answer_probe(account, *stanza);
  if (!type.empty() && type != "unavailable" && type != "error") return;
  if (stanza->to->is_bare()) return deliver_to_available(account, *stanza);  // §8.5.2.1.2
  // §8.5.3.1: also to a session that is not available, such as one that joins a room first.
  if (auto* session = account.find(stanza->to->resource())) session->stream.deliver(*stanza, nullptr, {});
}

// §4.3.2.
void PresenceModule::answer_probe(core::Account& account, const core::Stanza& probe) {
  const auto* known = contacts();
  const auto* contact = known == nullptr ? nullptr : known->find(account, probe.from.bare());
  const auto bits = contact == nullptr ? 0U : static_cast<unsigned>(contact->subscription);
  const bool own = probe.from.same_bare(account.jid);
  if (!own && (bits & static_cast<unsigned>(storage::Subscription::from)) == 0) {
    // One whose request still waits is not told that it was refused.
    if (contact == nullptr || contact->pending_in.empty()) {
      shard_.route(core::make_presence("unsubscribed", account.jid, probe.from.to_bare()));
    }
    return;
  }
  bool any = false;
  for (const auto* session : account.sessions) {
    if (!session->available || !session->presence || session->jid == probe.from) continue;
    shard_.route(addressed(*session->presence, probe.from));
    any = true;
  }
  if (!any && !own) shard_.route(core::make_presence("unavailable", account.jid, probe.from));
}

}  // namespace valise::modules::presence
