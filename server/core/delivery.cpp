// "The way of a message", second half: on the recipient's home shard, to sessions or into the store (RFC 6121 §8.5),
// behind the commit of its unit.
#include "core/shard.hpp"

#include "base/clock.hpp"
#include "base/crypto.hpp"
#include "core/delay.hpp"
#include "core/handover.hpp"
#include "core/namespaces.hpp"
#include "core/services.hpp"
#include "xml/writer.hpp"

namespace valise::core {
namespace {

enum class MessageType : std::uint8_t { chat, normal, groupchat, headline, error };

MessageType type_of(const Stanza& stanza) {
  if (stanza.type == "chat") return MessageType::chat;
  if (stanza.type == "groupchat") return MessageType::groupchat;
  if (stanza.type == "headline") return MessageType::headline;
  if (stanza.type == "error") return MessageType::error;
  return MessageType::normal;  // RFC 6121 §5.2.2: an unknown type is "normal"
}

}  // namespace

void Shard::arrive(Flow flow) {
  if (flow.recipient == nullptr) {  // the store is away
    if (flow.held) return;          // its row keeps it
    return refuse(std::move(flow), make_refusal(store_away, "store-unavailable"));
  }
  auto& account = *flow.recipient;
  if (flow.stanza->kind != Kind::message || account.arriving == 0) return arrive_now(std::move(flow));
  if (!has_room(account)) return no_room(std::move(flow));
  line_up(account, account.arriving, std::move(flow), &Shard::arrive_now);
}

void Shard::arrive_now(Flow flow) {
  if (flow.stanza->kind == Kind::message && !flow.again) {
    flow.storable = storable(*flow.stanza);
    if (!flow.sealing.unsealed.empty()) flow.storable.for_good = false;
    if (flow.held) flow.storable.store = true;  // it was
    flow.tells = hooks_.arrivals != nullptr && tells_of(*flow.stanza, flow.storable);
  }
  if (auto refused = run_stages(flow, Stage::blocking, Stage::policy_in))
    return refuse(std::move(flow), std::move(refused));
  switch (flow.stanza->kind) {
    case Kind::message:
      return arrive_message(std::move(flow));
    case Kind::presence:
      return arrive_presence(std::move(flow));
    case Kind::iq:
      return arrive_iq(std::move(flow));
  }
}

void Shard::arrive_presence(Flow flow) {
  auto& account = *flow.recipient;
  if (!hooks_.inbound_presence) return handled(flow);
  const auto& type = flow.stanza->type;
  const bool changes = type.starts_with("subscribe") || type.starts_with("unsubscribe");
  if (!has_room(account)) {
    // What is in nobody's list yet is refused; who is there now is told again by the next presence.
    if (!changes) return handled(flow);
    return refuse(std::move(flow), make_refusal(store_away, "store-unavailable"));
  }
  const auto bytes = weight(flow);
  account.arriving += changes ? 1 : 0;
  account.in_order(
      [this, &account, changes, flow = std::move(flow)]() mutable {
        account.arriving -= changes ? 1 : 0;
        hooks_.inbound_presence(std::move(flow));
      },
      bytes);
}

bool Shard::lets_in(Flow& copy, Account& recipient) {
  copy.recipient = &recipient;
  const auto tags = copy.tags.size();
  const auto refused = run_stages(copy, Stage::blocking, Stage::policy_in);
  copy.tags.resize(tags);  // what the rules added is about this recipient
  if (!refused) return true;
  kernel_.stats.refused.fetch_add(1, std::memory_order_relaxed);
  return false;
}

void Shard::arrive_iq(Flow flow) {
  auto& account = *flow.recipient;
  const auto& stanza = *flow.stanza;
  const bool answer = stanza.type == "result" || stanza.type == "error";
  // RFC 6121 §8.5.1: an unknown account answers as one that does not offer the service.
  if (stanza.to->is_bare() && account.exists) return answer_locally(std::move(flow), nullptr, IqTarget::account);
  handled(flow);
  auto* session = account.find(stanza.to->resource());
  // §8.5.3.1: who may not know whether the resource is there learns nothing by asking it.
  const auto* presence = service<PresenceEvents>();
  if (session != nullptr && !answer && presence != nullptr && !presence->is_shown_to(*session, stanza.from)) {
    session = nullptr;
  }
  if (session != nullptr && has_room(account)) return deliver(*session, flow.stanza);
  if (session != nullptr && !answer) return route_error(stanza, store_away, flow.language);
  if (!answer) route_error(stanza, service_unavailable, flow.language);  // RFC 6121 §8.5.3.2.3
}

// RFC 6121 §8.5: who gets it, or why nobody does.
void Shard::arrive_message(Flow flow) {
  auto& account = *flow.recipient;
  const auto type = type_of(*flow.stanza);
  const bool nobody_waits = type == MessageType::headline && flow.stanza->to->is_bare();
  if (!account.exists || account.state != storage::AccountState::active) {
    return refuse(std::move(flow),
                  make_refusal(service_unavailable, "no-account", nobody_waits || type == MessageType::error));
  }
  if (flow.first_copy) {  // which was seen
    flow.copied = true;
    flow.watchers = {};
    return commit_message(std::move(flow), {}, {}, true);
  }
  if (flow.hold_until_ms != 0 && !flow.again && flow.storable.store && hooks_.held_messages) {
    return hold(std::move(flow));
  }
  std::vector<Session*> targets;
  if (!flow.stanza->to->is_bare()) {
    if (auto* session = account.find(flow.stanza->to->resource())) {
      targets.push_back(session);
    } else if (type == MessageType::error && is_watched(account, *flow.stanza)) {
      return pass_message(std::move(flow), targets);
    } else if (type != MessageType::chat) {  // §8.5.3.2.1, §8.1: an error, where there is the choice
      return refuse(std::move(flow), make_refusal(service_unavailable, "no-resource", type == MessageType::error));
    }
  } else if (type == MessageType::groupchat || type == MessageType::error) {  // §8.5.2.1.1, §8.5.2.2.1
    return refuse(std::move(flow), make_refusal(service_unavailable, "bare-address", type == MessageType::error));
  }
  if (targets.empty()) {
    for (auto* session : account.sessions) {
      if (session->available && session->priority >= 0) targets.push_back(session);
    }
  }
  auto writes = std::move(flow.writes);
  const bool passes = !flow.storable.store && writes.empty();
  if (passes && (!targets.empty() || is_watched(account, *flow.stanza))) return pass_message(std::move(flow), targets);
  bool stored = false;
  // XEP-0198 §5: for sessions that have no connection it waits in a row, too, until one of their clients has it. So
  // does what was held back: its sender was told long ago that it is safe.
  const bool connected = std::ranges::any_of(targets, [](const Session* one) { return one->stream.connected(); });
  if (!targets.empty() && (!connected || flow.held) && flow.storable.store && hooks_.offline_messages) {
    if (auto refused = hooks_.offline_messages(flow, writes)) {
      if (flow.held && connected) return;  // its row keeps it, until they have read what waits
      return refuse(std::move(flow), std::move(refused));
    }
    if (writes.empty()) targets.clear();
    stored = true;
  } else if (targets.empty()) {
    if (type == MessageType::headline) return refuse(std::move(flow), make_refusal({}, "nobody-available", true));
    if (!hooks_.offline_messages) {
      return refuse(std::move(flow), make_refusal(service_unavailable, "nobody-available"));
    }
    if (auto refused = hooks_.offline_messages(flow, writes)) {
      if (refused->silent) show_sender(flow);  // his marker counts for his other devices, whoever is there to read it
      return refuse(std::move(flow), std::move(refused));
    }
    stored = true;
  }
  if (stored && writes.empty()) {  // an identical one waits, and was seen
    flow.copied = true;
    flow.watchers = {};
  }
  commit_message(std::move(flow), std::move(targets), std::move(writes), stored);
}

// A row keeps it that nobody sees before its time.
void Shard::hold(Flow flow) {
  auto writes = std::move(flow.writes);
  if (auto refused = hooks_.held_messages(flow, writes)) return refuse(std::move(flow), std::move(refused));
  flow.copied = true;
  flow.tells = false;
  commit_message(std::move(flow), {}, std::move(writes), true);
}

void Shard::commit_message(Flow flow, std::vector<Session*> targets, std::vector<storage::Write> writes, bool stored) {
  auto& account = *flow.recipient;
  // What begins again was accepted, and weighs no more than it did.
  if (!settings_->audit && writes.empty() && !flow.again && !has_room(account)) return no_room(std::move(flow));
  kernel_.stats.messages.fetch_add(1, std::memory_order_relaxed);
  auto unit = std::make_unique<Unit>();
  const bool recorded = flow.recorded != 0 && !stored;  // the same delivery, under the same id
  if (settings_->audit && !recorded) {
    describe(flow);
    flow.record.kind = audit::Kind::message;
    flow.record.verdict = stored ? audit::Outcome::stored : audit::Outcome::delivered;
    unit->record = std::move(flow.record);
  }
  const bool has_row = puts_row(writes, account.jid.full());
  unit->writes = std::move(writes);
  if (flow.held) unit->writes.emplace_back(storage::RemoveHeld{flow.held->id});
  show_sender(*unit, flow);
  unit->keeps = sizeof(Handover) + flow.stanza->memory();
  constexpr std::hash<std::string_view> hash;
  unit->people = {hash(flow.stanza->from.bare()), hash(account.jid.full())};
  const bool again = flow.again;
  auto pending = std::make_unique<Handover>(*this, targets);
  pending->flow = std::move(flow);
  unit->done = [this, pending = std::move(pending), stored, has_row](Unit& finished) mutable {
    auto& passing = pending->flow;
    auto& recipient = *passing.recipient;  // stays in memory while its commits are under way
    if (finished.outcome && has_row && passing.row == 0) passing.row = finished.id;
    const auto kept = passing.row != 0 ? passing.row : finished.id;
    if (auto written = std::exchange(passing.written, nullptr)) written(finished.outcome ? kept : 0);
    const bool is_there = finished.outcome && (!passing.first_copy || *passing.first_copy != 0);
    if (!is_there) {
      if (!passing.held) route_error(*passing.stanza, store_away, passing.language);
      handled(passing);  // behind the error: who has <a/> knows
    } else {
      if (const auto held = std::exchange(passing.held, nullptr)) held->gone();
      if (finished.id != 0) passing.recorded = finished.id;
      auto extra = stamp(passing);
      if (passing.since_ms != 0) extra += delay(recipient.jid.domain(), passing.since_ms);
      const bool tells = passing.tells && !passing.first_copy;
      if (stored && !pending->has_targets()) {
        if (!passing.copied) show_arrived(recipient, *passing.stanza, {&passing.collector, 1}, kept, extra);
        handled(passing);
        if (tells) hooks_.arrivals->arrived(recipient, passing.stanza->from, passing.again);
        return recipient.commit_ended(finished.at_once);
      }
      const auto told = tells ? passing.stanza : StanzaPtr();
      const bool passes_again = passing.again;
      if (passing.since_ms == 0) passing.since_ms = utc_now_ms();
      if (passing.number == 0) passing.number = ++delivered_;
      if (stored) pending->is_stored();
      if (finished.record) passing.record.origin = std::move(finished.record->origin);  // for a record to come
      if (!Handover::begin(pending, recipient, extra)) {
        // Every session went away while the record was written.
        recipient.commit_ended(finished.at_once);
        return begin_again(std::move(passing));
      }
      if (told) hooks_.arrivals->arrived(recipient, told->from, passes_again);
    }
    recipient.commit_ended(finished.at_once);
  };
  // With nothing to write it still does not overtake what is being committed.
  const bool nothing = !unit->record && unit->writes.empty();
  auto submit = [this, &account](UnitPtr made) {
    account.commit_begun();
    commit(std::move(made));
  };
  if (!nothing) return submit(std::move(unit));
  const auto bytes = unit->keeps;
  auto in_turn = [submit, unit = std::move(unit)]() mutable { submit(std::move(unit)); };
  if (again) return again_.in_order(account, std::move(in_turn), bytes);
  account.in_order(std::move(in_turn), bytes);
}

// XEP-0359: the id of its row or, where it has none, of its unit. Where there are archives it names a message there
// (XEP-0313 §3.5), so that what is not archived has none.
std::string Shard::stamp(const Flow& flow) const {
  const auto& recipient = *flow.recipient;
  const auto id = flow.row != 0 ? flow.row : flow.recorded;
  const auto* there = host(recipient.jid.domain());
  const bool names_nothing = there != nullptr && there->archive && !flow.archived;
  return id == 0 || names_nothing || flow.stanza->is_error() ? std::string() : stanza_id(id, recipient.jid);
}

// What means nothing once it is late waits for no record, and carries no id, because it has none yet; but it does not
// overtake what is being committed.
void Shard::pass_message(Flow flow, const std::vector<Session*>& targets) {
  if (!has_room(*flow.recipient)) return no_room(std::move(flow));
  kernel_.stats.messages.fetch_add(1, std::memory_order_relaxed);
  if (!record_passing(flow, audit::Kind::message)) return;
  for (auto* session : targets) deliver(*session, flow.stanza);
  show_in_order(*flow.recipient, flow.stanza, targets);
  show_sender(flow);
}

void Shard::no_room(Flow flow) {
  if (flow.held) return;  // its row keeps it
  const bool silent = flow.stanza->is_error();
  refuse(std::move(flow), make_refusal(store_away, "store-unavailable", silent));
}

// Whom the recipient blocks and what the rules say may have changed since it was let in.
void Shard::begin_again(Flow flow) {
  const auto to = *flow.stanza->to;
  flow.again = true;
  with_account(to, [this, flow = std::make_unique<Flow>(std::move(flow))](Account* account) mutable {
    if (account != nullptr) return again_.begin(*account, std::move(flow));
    flow->recipient = nullptr;
    arrive(std::move(*flow));
  });
}

// ---- what the server makes itself

void Shard::route(StanzaPtr stanza) {
  if (!stanza->to || host(stanza->to->domain()) == nullptr || !stanza->to->has_local()) return;
  if (stanza->kind == Kind::presence && !stanza->is_error()) {
    Flow flow;
    flow.server_made = true;
    // What rules said of a session holds for what is said in its name.
    if (const auto* account = find_account(stanza->from.bare())) {
      if (const auto* session = account->find(stanza->from.resource())) flow.tags = session->tags;
    }
    flow.stanza = std::move(stanza);
    return cross(std::move(flow));
  }
  const auto home = kernel_.home_index(stanza->to->bare());
  auto* there = kernel_.shards[home].get();
  auto land = [there, stanza = std::move(stanza)] {
    auto* account = there->find_account(stanza->to->bare());
    if (account == nullptr) return;  // nobody is connected
    if (!stanza->to->is_bare()) {
      auto* session = account->find(stanza->to->resource());
      if (session != nullptr) there->deliver(*session, stanza);
      const bool answers_message = stanza->kind == Kind::message && stanza->is_error();
      if (answers_message) there->show_in_order(*account, stanza, {session});
      return;
    }
    if (stanza->kind == Kind::iq || stanza->is_error()) return;
    const auto sessions = account->sessions;
    for (auto* session : sessions) {
      if (session->available && session->priority >= 0) there->deliver(*session, stanza);
    }
  };
  post_to(home, std::move(land));
}

void Shard::say(const std::string& host, std::string type, Jid to, std::string_view children,
                std::move_only_function<void(bool)> done) {
  // Whatever becomes of the message, its end says so once.
  struct Said {
    Said(Shard& home, std::move_only_function<void(bool)> then) : shard(home), done(std::move(then)) {}
    Said(const Said&) = delete;
    Said& operator=(const Said&) = delete;
    ~Said() {
      shard.post([done = std::move(done), durable = durable]() mutable { done(durable); });
    }
    Shard& shard;
    std::move_only_function<void(bool)> done;
    bool durable = false;
  };
  auto said = std::make_shared<Said>(*this, std::move(done));
  auto document = xml::parse_element("<message>" + std::string(children) + "</message>", ns::client);
  auto from = Jid::make({}, host);
  if (!document || !from || this->host(to.domain()) == nullptr) return;
  auto stanza = make_stanza(std::move(document));
  if (!stanza) return;
  auto flow = std::make_unique<Flow>();
  flow->server_made = true;
  flow->record.origin = make_ref<const audit::Origin>(audit::Origin::Members{.jid = host});
  flow->stanza = std::move(*stanza);
  flow->stanza->from = std::move(*from);
  flow->stanza->to = to;
  flow->stanza->type = std::move(type);
  flow->stanza->id = crypto::random_hex(8);
  flow->written = [said](std::uint64_t id) { said->durable = id != 0; };
  enter(std::move(flow));
}

void Shard::enter(std::unique_ptr<Flow> flow) {
  const auto to = *flow->stanza->to;
  on_home(to, [flow = std::move(flow)](Shard& there, Account* account) mutable {
    flow->recipient = account;
    if (account != nullptr) there.arrive(std::move(*flow));
  });
}

void Shard::deliver(Session& session, StanzaPtr stanza, std::string extra) {
  auto& account = session.account;
  if (account.waiting_bytes() >= settings_->queue_bytes) {
    return session.stream.end("resource-constraint", "too much waits for the store");
  }
  const auto bytes = stanza->memory() + extra.size();
  account.in_order(
      [&account, id = session.id, stanza = std::move(stanza), extra = std::move(extra)] {
        if (auto* alive = account.find_id(id)) alive->stream.deliver(stanza, nullptr, extra);
      },
      bytes);
}

}  // namespace valise::core
