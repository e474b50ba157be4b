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

core::Verdict refusal(StanzaError::Type type, std::string_view condition, std::string_view reason, core::Text text) {
  return core::make_refusal({.type = type, .condition = condition, .text = text}, reason);
}

// §3.1.2: between bare addresses, with what the client wrote into it.
core::StanzaPtr between_bare(const core::Stanza& stanza) {
  std::string children;
  stanza.append_children(children);
  auto bare = core::make_presence(stanza.type, stanza.from.to_bare(), stanza.to->to_bare(), std::move(children));
  bare->id = stanza.id;
  bare->lang = stanza.lang;
  return bare;
}

}  // namespace

std::optional<storage::RosterItem> row_of(const storage::RosterItem* before, std::string_view jid, const State& next,
                                          std::string request) {
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

void RosterModule::outbound(core::Session& session, core::Flow flow) {
  auto& account = session.account;
  const auto step = step_of(flow.stanza->type);
  if (!step) return shard_.handled(flow);
  if (!flow.stanza->to) {
    return shard_.refuse(std::move(flow), refusal(StanzaError::Type::modify, "bad-request", "malformed",
                                                  {"A subscription stanza needs an address.",
                                                   "Une demande d’abonnement exige une adresse."}));
  }
  const auto contact = flow.stanza->to->to_bare();
  flow.stanza->to = contact;                                // §3.1.2: a subscription is between bare addresses
  if (contact == account.jid) return shard_.handled(flow);  // an account is always subscribed to itself
  const bool may_exist = shard_.host(contact.domain()) != nullptr && contact.has_local();
  // Nobody waits for an answer that can't come; what ends a subscription is done here all the same.
  if (*step == Step::subscribe && !may_exist) return shard_.send_on(std::move(flow));

  const auto* before = book(account).find(contact.full());
  const auto state = before != nullptr ? state_of(*before) : State();
  const auto sent = send(state, *step);
  const bool changes = sent.next != state;
  auto next = changes ? row_of(before, contact.full(), sent.next) : std::nullopt;
  const bool added = next && !is_hidden(*next) && (before == nullptr || is_hidden(*before));
  if (added && book(account).visible() >= shard_.settings().roster_items) {
    return shard_.refuse(std::move(flow),
                         refusal(StanzaError::Type::wait, "resource-constraint", "roster-full",
                                 {"Your contact list is full.", "Votre liste de contacts est pleine."}));
  }
  core::describe(flow);
  auto record = std::move(flow.record);
  record.kind = core::audit::Kind::presence;
  flow.record = {};
  flow.record.origin = record.origin;  // for a denial at the contact's
  const bool begins = !has_from(state.subscription) && has_from(sent.next.subscription);
  const bool ends = has_from(state.subscription) && !has_from(sent.next.subscription);
  const auto bytes = sizeof flow + flow.stanza->memory();
  ++account.departing;
  auto then = [this, flow = std::move(flow), route = sent.route, contact, begins, ends](core::Account& owner,
                                                                                        bool durable) mutable {
    --owner.departing;
    if (!durable) return failed(flow);
    if (ends) show(owner, contact, false);  // §3.2.2: while the contact is still subscribed
    if (route) {
      shard_.send_on(std::move(flow));  // handled when the contact's side is durable too
    } else {
      shard_.handled(flow);
    }
    if (begins) show(owner, contact, true);  // §3.1.5
  };
  if (changes) return write(account, contact.str(), std::move(next), std::move(record), bytes, std::move(then));
  auto unit = std::make_unique<core::Unit>();
  unit->record = std::move(record);
  unit->done = [&account, then = std::move(then)](core::Unit& finished) mutable {
    then(account, finished.outcome.has_value());
  };
  shard_.commit_in_order(account, std::move(unit), bytes);
}

void RosterModule::inbound(core::Flow flow) {
  auto& account = *flow.recipient;
  const auto step = step_of(flow.stanza->type);
  const auto contact = flow.stanza->from.to_bare();
  if (!step || contact == account.jid) return shard_.handled(flow);
  const auto& to = *flow.stanza->to;  // a resource in it is another server's
  if (*step != Step::subscribe && !to.is_bare() && account.find(to.resource()) == nullptr) {
    return shard_.handled(flow);  // §8.5.3.2.2
  }
  if (*step == Step::subscribe && shows_token(flow)) return;
  receive_from(std::move(flow), *step);
}

void RosterModule::receive_from(core::Flow flow, Step step) {
  auto& account = *flow.recipient;
  const auto contact = flow.stanza->from.to_bare();
  const auto stanza = between_bare(*flow.stanza);

  const auto* before = book(account).find(contact.full());
  const auto state = before != nullptr ? state_of(*before) : State();
  const auto received = receive(state, step);
  const auto answer = [this, contact](core::Account& owner, Step reply) {
    shard_.route(core::make_presence(std::string(name_of(reply)), owner.jid, contact));
    show(owner, contact, true);
  };
  if (received.next == state) {
    if (received.reply) answer(account, *received.reply);
    // What it would have changed may still be on its way to the store.
    const auto bytes = sizeof flow + flow.stanza->memory();
    return account.in_order([this, flow = std::move(flow)] { shard_.handled(flow); }, bytes);
  }
  const bool asks = received.next.pending_in && !state.pending_in;
  auto next = row_of(before, contact.full(), received.next, asks ? stored_request(*stanza) : std::string());
  if (before == nullptr && next && is_hidden(*next) && book(account).hidden() >= max_hidden) {
    log::warning("roster", "a subscription request was dropped: its account has {} unanswered ones", max_hidden);
    return shard_.handled(flow);
  }
  const bool ends = has_from(state.subscription) && !has_from(received.next.subscription);
  const auto bytes = sizeof flow + flow.stanza->memory() + stanza->memory();
  write(account, contact.str(), std::move(next), std::nullopt, bytes,
        [this, flow = std::move(flow), stanza, contact, received, ends, answer, step](core::Account& owner,
                                                                                      bool durable) {
          if (!durable) return failed(flow);
          if (received.deliver) pass_on(owner, stanza, step);
          if (received.reply) answer(owner, *received.reply);
          if (ends) show(owner, contact, false);  // §3.3.3
          shard_.handled(flow);
        });
}

void RosterModule::cancel(core::Account& account, const core::Jid& contact, std::string_view rule) {
  const auto* before = book(account).find(contact.full());
  const auto state = before != nullptr ? state_of(*before) : State();
  const auto sent = send(state, Step::unsubscribed);
  if (sent.next == state || contact == account.jid) return;
  core::audit::Record record;
  record.kind = core::audit::Kind::presence;
  record.type = core::audit::StanzaType::unsubscribed;
  record.origin = make_ref<core::audit::Origin>(core::audit::Origin::Members{.jid = account.jid.bare()});
  record.recipient = contact.bare();
  record.reason = "subscription-ended";
  record.rule = rule;
  const bool ends = has_from(state.subscription);
  write(account, contact.str(), row_of(before, contact.full(), sent.next), std::move(record), contact.str().size(),
        [this, contact, ends, route = sent.route](core::Account& owner, bool durable) {
          if (!durable) return;                   // the next that the rule decides on tries again
          if (ends) show(owner, contact, false);  // §3.2.2: while the contact is still subscribed
          if (route) shard_.route(core::make_presence("unsubscribed", owner.jid, contact));
        });
}

// The sender may try again: each side carries out what it has not yet (appendix A.2.1).
void RosterModule::failed(const core::Flow& flow) {
  shard_.handled(flow);
  if (flow.server_made) return;
  shard_.route_error(*flow.stanza,
                     {.type = StanzaError::Type::wait,
                      .condition = "resource-constraint",
                      .text = {"The subscription can't be saved right now. Please try again.",
                               "L’abonnement ne peut être enregistré pour l’instant. Veuillez réessayer."}},
                     flow.language);
}

// To available resources (§3.1.3), answers and cancellations to interested ones (§3.1.6, §3.2.3, §3.3.3).
void RosterModule::pass_on(core::Account& account, const core::StanzaPtr& stanza, Step step) {
  const auto sessions = account.sessions;
  for (auto* session : sessions) {
    if (std::ranges::find(account.sessions, session) == account.sessions.end()) continue;
    const bool wants = step == Step::subscribe ? session->available : session->wants_roster;
    if (wants) session->stream.deliver(stanza, nullptr, {});
  }
}

// §3.1.3: each time a resource becomes available, until the user answers.
void RosterModule::deliver_requests(core::Session& session) {
  const auto* blocking = shard_.service<core::Blocking>();
  const auto* sealed = shard_.service<core::SealedContent>();
  for (const auto& item : book(session.account).items()) {
    if (item.pending_in.empty() || core::has_blocked(blocking, session.account, item.jid)) continue;
    auto request = restored_request(item);
    if (!request || core::recheck(sealed, *request)) continue;
    shard_.deliver(session, std::move(request));
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

}  // namespace valise::modules::roster
