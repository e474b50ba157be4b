// Subscription stanzas (RFC 6121 §3): the state machine's decisions carried out. Nothing is routed, delivered or
// answered before the row that says so is durable.
#include "base/log.hpp"
#include "modules/roster/item_xml.hpp"
#include "modules/roster/module.hpp"

namespace valise::modules::roster {
namespace {

using core::StanzaError;

// Requests of people who are in nobody's contact list, kept for one account.
constexpr std::size_t max_hidden = 256;

const StanzaError no_address{
    .type = StanzaError::Type::modify,
    .condition = "bad-request",
    .text = {"A subscription stanza needs an address.", "Une demande d’abonnement exige une adresse."}};
const StanzaError not_saved{.type = StanzaError::Type::wait,
                            .condition = "resource-constraint",
                            .text = {"The subscription can't be saved right now. Please try again.",
                                     "L’abonnement ne peut être enregistré pour l’instant. Veuillez réessayer."}};
const StanzaError full{.type = StanzaError::Type::wait,
                       .condition = "resource-constraint",
                       .text = {"Your contact list is full.", "Votre liste de contacts est pleine."}};

// §3.1.2: between bare addresses, with what the client wrote into it.
core::StanzaPtr between_bare(const core::Stanza& stanza) {
  std::string children;
  stanza.append_children(children);
  auto bare = core::make_presence(stanza.type, stanza.from.to_bare(), stanza.to->to_bare(), std::move(children));
  bare->id = stanza.id;
  bare->lang = stanza.lang;
  return bare;
}

// The row that keeps `next`. Nothing: no row is needed.
std::optional<storage::RosterItem> row_of(const storage::RosterItem* before, std::string_view jid, const State& next,
                                          std::string request = {}) {
  auto row = before != nullptr ? *before : storage::RosterItem{.jid = std::string(jid)};
  const bool was_visible = before != nullptr && !is_hidden(*before);
  if (before != nullptr && is_hidden(*before)) row.pending_in.erase(0, 1);
  row.subscription = next.subscription;
  row.ask = next.pending_out;
  row.approved = next.approved;
  if (!next.pending_in) row.pending_in.clear();
  if (!request.empty()) row.pending_in = std::move(request);
  const bool visible = was_visible || row.ask || row.approved || row.subscription != storage::Subscription::none;
  if (visible) return row;
  if (row.pending_in.empty()) return std::nullopt;
  row.pending_in.insert(row.pending_in.begin(), hidden_mark);
  return row;
}

}  // namespace

void RosterModule::outbound(core::Session& session, core::StanzaPtr stanza) {
  auto& account = session.account;
  const auto language = core::language_of(stanza->lang, session.language);
  const auto step = step_of(stanza->type);
  if (!step) return;
  if (!stanza->to) return shard_.route_error(*stanza, no_address, language);
  if (stanza->to->same_bare(account.jid)) return;  // an account is always subscribed to itself
  record(session, *stanza);

  auto onward = between_bare(*stanza);
  const auto contact = *onward->to;
  const auto* before = book(account).find(contact.full());
  const auto state = before != nullptr ? state_of(*before) : State();
  const auto sent = send(state, *step);
  if (!sent.route) onward = nullptr;
  if (sent.next == state) {
    if (onward) account.in_order([this, onward] { shard_.route(onward); });
    return;
  }
  auto next = row_of(before, contact.full(), sent.next);
  const bool added = next && !is_hidden(*next) && (before == nullptr || is_hidden(*before));
  if (added && book(account).visible() >= shard_.settings().roster_items) {
    return shard_.route_error(*stanza, full, language);
  }
  const bool begins = !has_from(state.subscription) && has_from(sent.next.subscription);
  const bool ends = has_from(state.subscription) && !has_from(sent.next.subscription);
  write(account, contact.str(), std::move(next),
        [this, stanza, onward, contact, begins, ends, language](core::Account& owner, bool durable) {
          if (!durable) return shard_.route_error(*stanza, not_saved, language);
          if (ends) show(owner, contact, false);  // §3.2.2: while the contact is still subscribed
          if (onward) shard_.route(onward);
          if (begins) show(owner, contact, true);  // §3.1.5
        });
}

void RosterModule::inbound(core::Account& account, core::StanzaPtr stanza) {
  const auto step = step_of(stanza->type);
  const auto contact = stanza->from.to_bare();
  if (!step || !account.exists || contact == account.jid) return;
  if (!stanza->from.is_bare() || !stanza->to->is_bare()) stanza = between_bare(*stanza);

  const auto* before = book(account).find(contact.full());
  const auto state = before != nullptr ? state_of(*before) : State();
  const auto received = receive(state, *step);
  const auto answer = [this, contact](core::Account& owner, Step reply) {
    shard_.route(core::make_presence(std::string(name_of(reply)), owner.jid, contact));
    show(owner, contact, true);
  };
  if (received.next == state) {
    if (received.reply) answer(account, *received.reply);
    return;
  }
  const bool asks = received.next.pending_in && !state.pending_in;
  auto next = row_of(before, contact.full(), received.next, asks ? stored_request(*stanza) : std::string());
  if (before == nullptr && next && is_hidden(*next) && book(account).hidden() >= max_hidden) {
    log::warning("roster", "a subscription request was dropped: its account has {} unanswered ones", max_hidden);
    return;
  }
  const bool ends = has_from(state.subscription) && !has_from(received.next.subscription);
  write(account, contact.str(), std::move(next),
        [this, stanza, contact, received, ends, answer, step = *step](core::Account& owner, bool durable) {
          if (!durable) return;  // the contact's side asks again (§3.1.2)
          if (received.deliver) pass_on(owner, *stanza, step);
          if (received.reply) answer(owner, *received.reply);
          if (ends) show(owner, contact, false);  // §3.3.3
        });
}

// To available resources (§3.1.3), answers and cancellations to interested ones (§3.1.6, §3.2.3, §3.3.3).
void RosterModule::pass_on(core::Account& account, const core::Stanza& stanza, Step step) {
  const auto sessions = account.sessions;
  for (auto* session : sessions) {
    if (std::ranges::find(account.sessions, session) == account.sessions.end()) continue;
    const bool wants = step == Step::subscribe ? session->available : session->wants_roster;
    if (wants) session->stream.deliver(stanza, nullptr, {});
  }
}

// §3.1.3: each time a resource becomes available, until the user answers.
void RosterModule::deliver_requests(core::Session& session) {
  for (const auto& item : book(session.account).items()) {
    if (item.pending_in.empty()) continue;
    if (auto request = restored_request(item)) shard_.deliver(session, std::move(request));
  }
}

void RosterModule::show(core::Account& account, const core::Jid& contact, bool available) {
  for (const auto* session : account.sessions) {
    if (!session->available || !session->presence) continue;
    std::string children;
    if (available) session->presence->append_children(children);
    auto presence = core::make_presence(available ? "" : "unavailable", session->jid, contact, std::move(children));
    if (available) presence->lang = session->presence->lang;
    shard_.route(std::move(presence));
  }
}

void RosterModule::record(const core::Session& session, const core::Stanza& stanza) {
  core::audit::Record entry;
  entry.kind = core::audit::Kind::presence;
  entry.type = core::audit::stanza_type_of(stanza.type);
  entry.origin = session.origin;
  entry.recipient = stanza.to->bare();
  entry.stanza_id = stanza.id;
  entry.size = stanza.size;
  shard_.record(std::move(entry));
}

}  // namespace valise::modules::roster
