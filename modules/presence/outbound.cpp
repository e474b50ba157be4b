// Presence that our own sessions send (RFC 6121 §4.2, §4.4–4.6).
#include "base/clock.hpp"
#include "core/namespaces.hpp"
#include "modules/presence/elements.hpp"
#include "modules/presence/module.hpp"
#include "xml/writer.hpp"

namespace valise::modules::presence {
namespace {

using core::StanzaError;

core::Verdict malformed(core::Text text) {
  return core::make_refusal({.type = StanzaError::Type::modify, .condition = "bad-request", .text = text}, "malformed");
}

// §4.7: what an available presence says of itself. Null: nothing is wrong.
core::Verdict check(xml::Element presence) {
  if (!priority_of(presence)) {
    return malformed(
        {"A priority is one number from -128 to 127.", "Une priorité est un nombre unique de -128 à 127."});
  }
  if (!has_valid_show(presence)) {
    return malformed({"A show is one of away, chat, dnd and xa.", "Un show est away, chat, dnd ou xa."});
  }
  return nullptr;
}

core::Verdict too_many_directed() {
  return core::make_refusal({.type = StanzaError::Type::wait,
                             .condition = "resource-constraint",
                             .text = {"Presence was sent to too many addresses; leave some of them first.",
                                      "Présence envoyée à trop d’adresses ; quittez-en d’abord quelques-unes."}},
                            "directed-full");
}

}  // namespace

// What a later probe is answered with. XEP-0256 §1.2: seconds count from the moment at which it was sent.
core::StanzaPtr for_later(const core::StanzaPtr& stanza) {
  if (!stanza->child("query", "jabber:iq:last")) return stanza;
  auto copy = core::copy_of(*stanza);
  xml::Writer(copy->children)
      .open("delay", core::ns::delay)
      .attribute("from", stanza->from.domain())
      .attribute("stamp", format_utc(utc_now_ns()))
      .close();
  return copy;
}

core::StanzaPtr addressed(const core::Stanza& stanza, core::Jid to) {
  std::string children;
  stanza.append_children(children);
  auto copy = core::make_presence(stanza.type, stanza.from, std::move(to), std::move(children));
  copy->id = stanza.id;
  copy->lang = stanza.lang;
  return copy;
}

void PresenceModule::outbound(core::Session& session, core::Flow flow) {
  const auto& type = flow.stanza->type;
  if (is_about_subscriptions(type)) {
    auto* subscriptions = shard_.service<Subscriptions>();
    if (subscriptions == nullptr) return shard_.handled(flow);
    return subscriptions->outbound(session, std::move(flow));
  }
  if (type == "error") {
    if (!flow.stanza->to) return shard_.handled(flow);
    return shard_.send_on(std::move(flow));
  }
  if (type == "probe") return probe_for(session, std::move(flow));
  if (!type.empty() && type != "unavailable") {
    return shard_.refuse(std::move(flow),
                         malformed({"There is no presence of this type.", "Il n’existe pas de présence de ce type."}));
  }
  if (flow.stanza->to) return direct(session, std::move(flow));
  if (type.empty()) {
    if (auto wrong = check(flow.stanza->root())) return shard_.refuse(std::move(flow), std::move(wrong));
  }
  if (!shard_.record_passing(flow, core::audit::Kind::presence)) return;
  if (flow.stanza->type.empty()) return became_available(session, std::move(flow.stanza));
  became_unavailable(session, std::move(flow.stanza), false);
}

void PresenceModule::became_available(core::Session& session, core::StanzaPtr stanza) {
  // What can't go out as it came is written once here, not once a contact.
  if (stanza->document && !stanza->rewritten && !stanza->document->raw_is_portable()) {
    std::string children;
    stanza->append_children(children);
    stanza->rewrite(std::move(children));
  }
  const bool first = !session.available;
  session.available = true;
  session.priority = priority_of(stanza->root()).value_or(0);
  session.presence = for_later(stanza);
  broadcast(session.account, stanza);
  to_own(session.account, stanza, nullptr);  // §4.2.2: itself included
  if (first) {
    for (const auto* other : session.account.sessions) {
      if (other == &session || !other->available || !other->presence) continue;
      shard_.deliver(session, addressed(*other->presence, session.jid.to_bare()));
    }
    probe_contacts(session);
  }
  for (const auto& listener : available_) listener(session, first);
}

void PresenceModule::became_unavailable(core::Session& session, core::StanzaPtr stanza, bool gone) {
  stanza->to.reset();
  undirect_all(session, *stanza);
  if (!session.available) return;
  if (gone) {
    core::Flow flow;
    flow.stanza = stanza;
    flow.record.origin = session.origin;
    (void)shard_.record_passing(flow, core::audit::Kind::presence);  // it has happened, recorded or not
  }
  broadcast(session.account, stanza);
  // §4.5.2: to the own resources, the one that goes included while it can still hear.
  to_own(session.account, stanza, gone ? &session : nullptr);
  session.available = false;
  session.priority = 0;
  session.presence = nullptr;
  for (const auto& listener : unavailable_) listener(session);
}

void PresenceModule::direct(core::Session& session, core::Flow flow) {
  const auto& to = *flow.stanza->to;
  // What is not ours is refused before anything is remembered (RFC 6120 §10.4).
  if (shard_.host(to.domain()) == nullptr) return shard_.send_on(std::move(flow));
  if (flow.stanza->type.empty()) {
    if (!session.ensure_part<Directed>(slot_).add(to)) return shard_.refuse(std::move(flow), too_many_directed());
  } else if (auto* directed = session.part<Directed>(slot_)) {
    directed->remove(to);
  }
  if (shard_.record_passing(flow, core::audit::Kind::presence)) shard_.send_on(std::move(flow));
}

// §4.6.3: who was told of the session by name is told of its end by name. Contacts get the broadcast.
void PresenceModule::undirect_all(core::Session& session, const core::Stanza& stanza) {
  auto* directed = session.part<Directed>(slot_);
  if (directed == nullptr) return;
  const auto* known = contacts();
  for (auto& jid : directed->take()) {
    if (jid.is_bare() && session.available && known != nullptr) {
      const auto* contact = known->find(session.account, jid.full());
      const auto bits = contact == nullptr ? 0U : static_cast<unsigned>(contact->subscription);
      if ((bits & static_cast<unsigned>(storage::Subscription::from)) != 0) continue;
    }
    shard_.route(addressed(stanza, std::move(jid)));
  }
}

void PresenceModule::undirect(core::Account& account, const std::function<bool(const core::Jid&)>& which) {
  for (auto* session : account.sessions) {
    auto* directed = session->part<Directed>(slot_);
    if (directed == nullptr) continue;
    for (auto& jid : directed->take_if(which)) {
      core::Flow flow;
      flow.stanza = core::make_presence("unavailable", session->jid, std::move(jid));
      flow.record.origin = session->origin;
      (void)shard_.record_passing(flow, core::audit::Kind::presence);  // it is so, recorded or not
      shard_.route(std::move(flow.stanza));
    }
  }
}

void PresenceModule::repeat(core::Account& account, const Change& change) {
  const auto sessions = account.sessions;
  for (auto* session : sessions) {
    if (!session->available || !session->presence) continue;
    auto children = change(*session, *session->presence);
    if (!children) continue;
    core::Flow flow;
    flow.stanza = core::make_presence("", session->jid, core::Jid(), std::move(*children));
    flow.stanza->to.reset();
    flow.stanza->lang = session->presence->lang;
    flow.record.origin = session->origin;
    (void)shard_.record_passing(flow, core::audit::Kind::presence);  // it is so, recorded or not
    session->presence = flow.stanza;
    broadcast(account, flow.stanza);
    to_own(account, flow.stanza, nullptr);
  }
}

// §4.3: probes are the server's; one of a client is answered all the same, to that client alone, and is never an error.
// Who is not subscribed learns of directed presence only: an "unsubscribed" would change nothing of what he has, but
// end a request that he sent behind his probe (A.3.4).
void PresenceModule::probe_for(core::Session& session, core::Flow flow) {
  const auto to = flow.stanza->to;
  if (!to || !to->has_local() || shard_.host(to->domain()) == nullptr) return shard_.handled(flow);
  auto probe = core::make_presence("probe", session.jid, *to);
  probe->id = flow.stanza->id;
  if (has_subscription(session.account, *to, storage::Subscription::to)) {
    flow.stanza = std::move(probe);
    return shard_.send_on(std::move(flow));
  }
  shard_.handled(flow);
  if (!is_here(to->bare())) return;
  const auto home = shard_.kernel().home_index(to->bare());
  auto* there = shard_.kernel().shards[home].get();
  shard_.post_to(home, [there, probe = std::move(probe), tags = session.tags] {
    auto* account = there->find_account(probe->to->bare());
    if (account == nullptr || account->sessions.empty() || !there->has_room(*account)) return;
    core::Flow copy;
    copy.stanza = probe;
    copy.tags = tags;
    if (!there->lets_in(copy, *account)) return;
    auto* module = there->service<PresenceModule>();
    account->in_order([module, account, probe] { (void)module->answer_by_directed(*account, *probe); },
                      probe->memory());
  });
}

}  // namespace valise::modules::presence
