// Presence that our own sessions send (RFC 6121 §4.2, §4.4–4.6).
#include "modules/presence/elements.hpp"
#include "modules/presence/module.hpp"

namespace valise::modules::presence {
namespace {

using core::StanzaError;

const StanzaError unknown_type{
    .type = StanzaError::Type::modify,
    .condition = "bad-request",
    .text = {"There is no presence of this type.", "Il n’existe pas de présence de ce type."}};
const StanzaError bad_priority{
    .type = StanzaError::Type::modify,
    .condition = "bad-request",
    .text = {"A priority is one number from -128 to 127.", "Une priorité est un nombre unique de -128 à 127."}};
const StanzaError bad_show{.type = StanzaError::Type::modify,
                           .condition = "bad-request",
                           .text = {"A show is one of away, chat, dnd and xa.", "Un show est away, chat, dnd ou xa."}};
const StanzaError too_many_directed{.type = StanzaError::Type::wait,
                                    .condition = "resource-constraint",
                                    .text = {"Presence was sent to too many addresses; leave some of them first.",
                                             "Présence envoyée à trop d’adresses ; quittez-en d’abord quelques-unes."}};

}  // namespace

core::StanzaPtr addressed(const core::Stanza& stanza, core::Jid to) {
  std::string children;
  stanza.append_children(children);
  auto copy = core::make_presence(stanza.type, stanza.from, std::move(to), std::move(children));
  copy->id = stanza.id;
  copy->lang = stanza.lang;
  return copy;
}

void PresenceModule::outbound(core::Session& session, core::StanzaPtr stanza) {
  const auto& type = stanza->type;
  if (type == "subscribe" || type == "subscribed" || type == "unsubscribe" || type == "unsubscribed") {
    if (auto* subscriptions = shard_.service<Subscriptions>()) subscriptions->outbound(session, std::move(stanza));
    return;
  }
  if (type.empty() || type == "unavailable") {
    record(session, *stanza);
    if (stanza->to) return direct(session, stanza);
    if (type.empty()) return became_available(session, std::move(stanza));
    return became_unavailable(session, std::move(stanza), false);
  }
  if (type == "error") {
    if (stanza->to) shard_.route(std::move(stanza));
    return;
  }
  if (type == "probe") return probe_for(session, *stanza);
  shard_.route_error(*stanza, unknown_type, core::language_of(stanza->lang, session.language));
}

void PresenceModule::became_available(core::Session& session, core::StanzaPtr stanza) {
  const auto priority = priority_of(stanza->root());
  if (!priority) {
    return shard_.route_error(*stanza, bad_priority, core::language_of(stanza->lang, session.language));
  }
  if (!has_valid_show(stanza->root())) {
    return shard_.route_error(*stanza, bad_show, core::language_of(stanza->lang, session.language));
  }
  // What can't go out as it came is written once here, not once a contact.
  if (stanza->document && !stanza->rewritten && !stanza->document->raw_is_portable()) {
    std::string children;
    stanza->append_children(children);
    stanza->rewrite(std::move(children));
  }
  const bool first = !session.available;
  session.available = true;
  session.priority = *priority;
  session.presence = stanza;
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
  if (gone) record(session, *stanza);
  broadcast(session.account, stanza);
  // §4.5.2: to the own resources, the one that goes included while it can still hear.
  to_own(session.account, stanza, gone ? &session : nullptr);
  session.available = false;
  session.priority = 0;
  session.presence = nullptr;
  for (const auto& listener : unavailable_) listener(session);
}

void PresenceModule::direct(core::Session& session, const core::StanzaPtr& stanza) {
  if (stanza->type.empty()) {
    if (!session.ensure_part<Directed>(slot_).add(*stanza->to)) {
      return shard_.route_error(*stanza, too_many_directed, core::language_of(stanza->lang, session.language));
    }
  } else if (auto* directed = session.part<Directed>(slot_)) {
    directed->remove(*stanza->to);
  }
  shard_.route(stanza);
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

// §4.3: probes are the server's; one of a client is sent on if the account is subscribed anyway.
void PresenceModule::probe_for(core::Session& session, const core::Stanza& stanza) {
  const auto* known = contacts();
  if (!stanza.to || known == nullptr) return;
  const auto* contact = known->find(session.account, stanza.to->bare());
  const auto bits = contact == nullptr ? 0U : static_cast<unsigned>(contact->subscription);
  const bool own = stanza.to->same_bare(session.jid);
  if (!own && (bits & static_cast<unsigned>(storage::Subscription::to)) == 0) return;
  shard_.route(core::make_presence("probe", session.jid, stanza.to->to_bare()));
}

void PresenceModule::record(const core::Session& session, const core::Stanza& stanza) {
  core::audit::Record entry;
  entry.kind = core::audit::Kind::presence;
  entry.type = core::audit::stanza_type_of(stanza.type);
  entry.origin = session.origin;
  if (stanza.to) entry.recipient = stanza.to->bare();
  entry.stanza_id = stanza.id;
  entry.size = stanza.size;
  shard_.record(std::move(entry));
}

}  // namespace valise::modules::presence
