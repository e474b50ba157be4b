// "The way of a message", first half: from one of our sessions, through the stages, to the recipient's home shard.
#include "core/entry.hpp"
#include "core/namespaces.hpp"
#include "core/shard.hpp"

namespace valise::core {
namespace {

constexpr std::size_t max_loading_bytes = 16'777'216;  // of stanzas on one shard whose account is being read

const StanzaError bad_request_iq{.type = StanzaError::Type::modify,
                                 .condition = "bad-request",
                                 .text = {"A request needs an id, a known type and exactly one child element.",
                                          "Une requête exige un id, un type connu et exactement un élément."}};
const StanzaError no_such_server{
    .type = StanzaError::Type::cancel,
    .condition = "remote-server-not-found",
    .text = {"This server does not talk to that domain.", "Ce serveur ne communique pas avec ce domaine."}};

Verdict not_reached() { return make_refusal(no_such_server, "remote-server-not-found"); }

bool is_answer(const Stanza& stanza) { return stanza.type == "result" || stanza.type == "error"; }

std::size_t count_elements(xml::Element root) {
  std::size_t count = 0;
  for (const auto node : root.children()) count += node.is_text() ? 0 : 1;
  return count;
}

// RFC 6120 §8.2.3.
bool is_valid_iq(const Stanza& stanza) {
  if (stanza.id.empty()) return false;
  if (stanza.type == "get" || stanza.type == "set") return count_elements(stanza.root()) == 1;
  if (stanza.type == "result") return count_elements(stanza.root()) <= 1;
  return stanza.is_error() && stanza.child("error", ns::client) && count_elements(stanza.root()) <= 2;
}

}  // namespace

Verdict Shard::run_stages(Flow& flow, Stage first, Stage last) {
  for (auto stage = static_cast<unsigned>(first); stage <= static_cast<unsigned>(last); ++stage) {
    for (const auto& hook : hooks_.at(static_cast<Stage>(stage), flow.stanza->kind)) {
      if (auto verdict = hook.run(flow)) return verdict;
    }
  }
  return nullptr;
}

void Shard::from_session(Session& session, StanzaPtr stanza, std::uint64_t ack_number) {
  Flow flow;
  flow.sender = &session;
  flow.language = language_of(stanza->lang, session.language);
  flow.record.origin = session.origin;
  if (ack_number != 0) {
    flow.ack = {index_, session.id, ack_number};
  }
  flow.stanza = std::move(stanza);
  if (flow.stanza->kind == Kind::iq) return send_iq_from_session(session, std::move(flow));
  if (flow.stanza->kind == Kind::message) flow.watchers = session.account.watchers;
  remove_spoofed(*flow.stanza);
  if (is_service_message(session, *flow.stanza)) {
    flow.stanza->to = session.jid.to_bare();
    if (auto refusal = run_stages(flow, Stage::policy_out, Stage::policy_out)) {
      return refuse(std::move(flow), std::move(refusal));
    }
    return hooks_.service_messages(session, std::move(flow));
  }
  if (auto refusal = run_stages(flow, Stage::validate, Stage::policy_out)) {
    return refuse(std::move(flow), std::move(refusal));
  }
  if (flow.stanza->kind == Kind::presence) {
    if (!hooks_.outbound_presence) return handled(flow);
    return hooks_.outbound_presence(session, std::move(flow));
  }
  if (!flow.stanza->to) flow.stanza->to = flow.stanza->from.to_bare();  // RFC 6120 §10.3.1
  depart(session, std::move(flow));
}

void Shard::depart(Session& session, Flow flow) {
  if (hooks_.departures && hooks_.departures(session, flow)) return;
  leave(session.account, std::move(flow));
}

// RFC 6120 §10.1: in the order in which they were sent.
void Shard::leave(Account& account, Flow flow) {
  flow.sender = nullptr;
  if (account.departing == 0) return send_on(std::move(flow));
  if (!has_room_for_change(account, weight(flow))) return no_room(std::move(flow));
  line_up(account, account.departing, std::move(flow), &Shard::send_on);
}

void Shard::line_up(Account& account, std::uint32_t& line, Flow flow, void (Shard::*go_on)(Flow)) {
  ++line;
  const auto bytes = weight(flow);
  account.in_order(
      [this, &line, go_on, flow = std::make_unique<Flow>(std::move(flow))] {
        --line;
        (this->*go_on)(std::move(*flow));
      },
      bytes);
}

bool Shard::is_service_message(const Session& session, const Stanza& stanza) const {
  if (stanza.kind != Kind::message || !hooks_.service_messages) return false;
  const bool to_own_account = !stanza.to || stanza.to->full() == session.jid.bare();
  return to_own_account && hooks_.is_service_message(stanza);
}

void Shard::send_on(Flow flow) {
  flow.sender = nullptr;
  if (host(flow.stanza->to->domain()) == nullptr) {
    return refuse(std::move(flow), not_reached());
  }
  if (!flow.stanza->to->has_local()) return to_server(std::move(flow));
  cross(std::move(flow));
}

void Shard::send_iq_from_session(Session& session, Flow flow) {
  auto& stanza = *flow.stanza;
  if (!is_valid_iq(stanza)) {
    handled(flow);
    if (!is_answer(stanza)) route_error(stanza, bad_request_iq, flow.language);
    return;
  }
  const bool to_own_server = !stanza.to || stanza.to->full() == session.jid.bare() ||
                             (!stanza.to->has_local() && stanza.to->full() == session.jid.domain());
  if (is_answer(stanza) && to_own_server) {
    handled(flow);
    take_answer(session, flow.stanza);
    return;
  }
  if (is_forged_push(stanza, session)) {
    handled(flow);
    return route_error(stanza, service_unavailable, flow.language);
  }
  if (auto refusal = run_stages(flow, Stage::validate, Stage::policy_out)) {
    return refuse(std::move(flow), std::move(refusal));
  }
  if (!stanza.to || stanza.to->full() == session.jid.bare()) {
    flow.recipient = &session.account;
    return answer_locally(std::move(flow), &session, IqTarget::account);
  }
  if (host(stanza.to->domain()) == nullptr) {
    handled(flow);
    if (!is_answer(stanza)) route_error(stanza, no_such_server, flow.language);
    return;
  }
  if (!stanza.to->has_local()) return answer_locally(std::move(flow), &session, IqTarget::server);
  depart(session, std::move(flow));
}

void Shard::answer_locally(Flow flow, Session* session, IqTarget target) {
  const auto& stanza = *flow.stanza;
  if (is_answer(stanza)) return handled(flow);
  const auto payload = stanza.payload();
  const auto* handler = hooks_.iq(target, stanza.type, payload.name(), payload.ns());
  IqRequest request(*this, flow.stanza, flow.recipient, session, flow.language, flow.ack);
  if (handler == nullptr) return request.error(service_unavailable);  // RFC 6120 §8.4, 6121 §8.5.1
  (*handler)(std::move(request));
}

void Shard::to_server(Flow flow) {
  // The server is there for whoever is connected; it has no presence to give.
  if (flow.stanza->kind == Kind::presence && flow.stanza->type != "subscribe") return handled(flow);
  // Nobody reads messages to a bare domain; administrators' addresses are declared by modules later.
  refuse(std::move(flow), make_refusal(service_unavailable, "to-server"));
}

void Shard::cross(Flow flow) {
  if (!kernel_.cluster->is_home(flow.stanza->to->bare())) {
    if (kernel_.cluster->forward(flow.stanza)) return handled(flow);
    return refuse(std::move(flow), not_reached());
  }
  const auto home = kernel_.home_index(flow.stanza->to->bare());
  if (home == index_) {
    if (auto* account = find_account(flow.stanza->to->bare())) {
      flow.recipient = account;
      account->last_used_ms = loop_.now_ms();
      return arrive(std::move(flow));
    }
  }
  auto* there = kernel_.shards[home].get();
  post_to(home, [there, flow = std::make_unique<Flow>(std::move(flow))]() mutable {
    there->arrive_when_loaded(std::move(flow));
  });
}

// Beyond the bound it is as if the store were away.
void Shard::arrive_when_loaded(std::unique_ptr<Flow> flow) {
  const auto to = *flow->stanza->to;
  if (loading_bytes_ + weight(*flow) > max_loading_bytes && find_account(to.bare()) == nullptr) {
    return arrive(std::move(*flow));
  }
  loading_bytes_ += weight(*flow);
  with_account(to, [this, flow = std::move(flow)](Account* account) mutable {
    loading_bytes_ -= weight(*flow);
    flow->recipient = account;
    arrive(std::move(*flow));
  });
}

// ---- what does not go on

void Shard::refuse(Flow flow, Verdict refusal) {
  kernel_.stats.refused.fetch_add(1, std::memory_order_relaxed);
  // Now, while the account is in memory.
  if (auto written = std::exchange(flow.written, nullptr)) written(0);
  if (flow.server_made) return;
  auto unit = std::make_unique<Unit>();
  describe(flow);
  flow.record.kind = audit::Kind::denied;
  flow.record.verdict = audit::Outcome::refused;
  flow.record.reason = refusal->reason;
  flow.record.rule = refusal->rule;
  unit->record = std::move(flow.record);
  if (flow.held) unit->writes.emplace_back(storage::RemoveHeld{flow.held->id});
  const auto language = flow.language;
  if (refusal->at_once && !flow.held) {
    handled(flow);
    if (!refusal->silent && !is_answer(*flow.stanza)) route_error(*flow.stanza, refusal->error, language);
    if (refusal->then) refusal->then();
    unit->nobody_waits = true;
    commit(std::move(unit));
    return;
  }
  unit->done = [this, flow = std::make_unique<Flow>(std::move(flow)), refusal = std::move(refusal),
                language](Unit& finished) {
    if (flow->held && !finished.outcome) return;  // its row is there, and it comes again
    if (flow->held) flow->held->gone();
    // The error goes out whether or not the record could be written: nothing was delivered. It goes before <a/>.
    const bool told = !refusal->silent && !flow->stanza->is_error() && !is_answer(*flow->stanza);
    if (told) route_error(*flow->stanza, refusal->error, language);
    handled(*flow);
    if (refusal->then) refusal->then();
    if (told && !refusal->notice.empty()) {
      auto domain = Jid::make({}, flow->stanza->from.domain());
      if (domain) route(make_message("chat", *domain, flow->stanza->from, std::move(refusal->notice)));
    }
  };
  commit(std::move(unit));
}

void Shard::handled(const Ack& ack, const Jid& sender) {
  if (ack.shard == Ack::nobody) return;
  auto* shard = kernel_.shards[ack.shard].get();
  post_to(ack.shard, [shard, account = sender.to_bare(), session = ack.session, number = ack.number] {
    auto* home = shard->find_account(account.bare());
    auto* waiting = home == nullptr ? nullptr : home->find_id(session);
    if (waiting != nullptr) waiting->stream.acknowledge(number);
  });
}

bool Shard::record_passing(Flow& flow, audit::Kind kind) {
  auto unit = std::make_unique<Unit>();
  describe(flow);
  flow.record.kind = kind;
  flow.record.verdict = audit::Outcome::delivered;
  unit->record = std::move(flow.record);
  const auto ack = std::exchange(flow.ack, {});
  if (ack.shard == Ack::nobody) {
    unit->nobody_waits = true;
    if (commit(std::move(unit))) return true;
    route_error(*flow.stanza, store_away, flow.language);
    return false;
  }
  unit->done = [this, ack, stanza = flow.stanza, language = flow.language](Unit& finished) {
    handled(ack, stanza->from);
    if (!finished.outcome) route_error(*stanza, store_away, language);
  };
  return commit(std::move(unit));
}

void Shard::route_error(const Stanza& original, const StanzaError& error, Language language) {
  if (original.is_error()) return;  // RFC 6120 §8.3.1: an error never answers an error
  route(make_error(original, error, language));
}

}  // namespace valise::core
