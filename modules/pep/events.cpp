// XEP-0163 §4: who is told of a change. Own resources; contacts, whose home shard knows what their clients asked for;
// explicit subscribers. One stanza is shared by all who get it.
#include <algorithm>

#include "base/crypto.hpp"
#include "core/namespaces.hpp"
#include "modules/pep/module.hpp"
#include "xml/writer.hpp"

namespace valise::modules::pep {
namespace {

// XEP-0060 §13.4: with an id that no other one has.
core::StanzaPtr notification(const NodeConfig& config, const core::Jid& from, const core::Jid& to,
                             std::string children) {
  auto message = core::make_message(config.headline ? "headline" : "normal", from, to, std::move(children));
  message->id = crypto::random_hex(8);
  return message;
}

}  // namespace

std::string_view bare_of(std::string_view jid) noexcept { return jid.substr(0, jid.find('/')); }

std::string item_event(const NodeConfig& config, std::string_view node, std::string_view item_id,
                       std::string_view publisher, std::string_view payload) {
  std::string out;
  xml::Writer writer(out);
  writer.open("event", core::ns::pubsub_event).open("items").attribute("node", node);
  if (!is_signal(config)) {
    writer.open("item").attribute("id", item_id);
    if (config.names_publisher) writer.attribute_if("publisher", bare_of(publisher));
    if (config.deliver_payloads) writer.raw(payload);
    writer.close();
  }
  writer.close().close();
  return out;
}

std::string node_event(std::string_view name, std::string_view node) {
  std::string out;
  xml::Writer writer(out);
  writer.open("event", core::ns::pubsub_event).open(name).attribute("node", node).close().close();
  return out;
}

std::string retract_event(std::string_view node, std::string_view item_id) {
  std::string out;
  xml::Writer writer(out);
  writer.open("event", core::ns::pubsub_event).open("items").attribute("node", node);
  writer.open("retract").attribute("id", item_id).close().close().close();
  return out;
}

std::string subscription_event(std::string_view node, std::string_view jid, std::string_view state) {
  std::string out;
  xml::Writer writer(out);
  writer.open("event", core::ns::pubsub_event).open("subscription").attribute("node", node);
  writer.attribute("jid", jid).attribute("subscription", state).close().close();
  return out;
}

void Pep::tell(core::Account& account, const std::string& node, News news) {
  auto* state = find(account, node);
  if (state == nullptr) return;
  ++state->told;
  tell_with(account, node, state->config, std::move(news));
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
        if (auto* alive = account.find_id(id)) alive->stream.deliver(event, &alive->jid, {});
      },
      event->memory());
}

// Whom one of the two has blocked hears nothing (XEP-0191 §3.3), and nobody's queue is filled beyond what others may.
void Pep::tell_one(core::Account& account, const NodeConfig& config, const core::Jid& to, std::string event) {
  if (core::has_blocked(shard_.service<core::Blocking>(), account, to.full())) return;
  core::StanzaPtr stanza = notification(config, account.jid, to, std::move(event));
  if (shard_.host(to.domain()) == nullptr) return shard_.route(std::move(stanza));
  const auto home = shard_.kernel().home_index(to.bare());
  auto* there = shard_.kernel().shards[home].get();
  shard_.post_to(home, [there, stanza] {
    const auto& whom = *stanza->to;
    auto* heard = there->find_account(whom.bare());
    auto* pep = there->service<Pep>();
    if (heard == nullptr || pep == nullptr) return;
    if (core::has_blocked(there->service<core::Blocking>(), *heard, stanza->from.full())) return;
    const auto sessions = heard->sessions;
    for (auto* session : sessions) {
      const bool meant = whom.is_bare() ? session->available && session->priority >= 0 : session->jid == whom;
      if (meant) pep->deliver(*session, stanza);
    }
  });
}

void Pep::tell_with(core::Account& account, const std::string& node, const NodeConfig& config, News news) {
  const auto kind = classify(node).kind;
  if (!config.deliver_notifications || kind == NodeKind::probe) return;
  Event told{.stanza = notification(config, account.jid, account.jid, news.event), .addressed = {}, .node = node};
  told.addressed = told.stanza;
  if (!news.addresses.empty()) {
    told.addressed = notification(config, account.jid, account.jid, news.event + news.addresses);
  }

  // Own resources hear of device lists whatever they asked for; of other nodes unless they named others only.
  const auto* capabilities = shard_.service<core::Capabilities>();
  const bool by_address = config.subscribers.contains(account.jid.str());
  const auto own = account.sessions;
  for (auto* session : own) {
    const bool named = by_address || config.subscribers.contains(session->jid.str());
    const bool silent = capabilities == nullptr || !capabilities->has_feature(*session, core::ns::disco_info);
    const bool implicit = session->available && (kind == NodeKind::device_list || silent || wants(*session, node));
    if (implicit || (named && (session->available || !by_address))) deliver(*session, told.addressed);
  }
  for (auto& [bare, interest] : interested(account, node, config, news.to_pending)) {
    const auto home = shard_.kernel().home_index(bare);
    auto* there = shard_.kernel().shards[home].get();
    shard_.post_to(
        home, [there, bare = bare, told, interest = std::move(interest)] { arrive(*there, bare, told, interest); });
  }
}

std::map<std::string, Interest> Pep::interested(const core::Account& account, const std::string& node,
                                                const NodeConfig& config, bool pending) const {
  std::map<std::string, Interest> others;
  const auto* blocking = shard_.service<core::Blocking>();
  if (const auto* contacts = shard_.service<core::Contacts>()) {
    contacts->each(account, [&](const storage::RosterItem& item) {
      if (core::has_blocked(blocking, account, item.jid)) return;
      const auto who = requester(account, core::Jid::parse(item.jid).value_or(core::Jid()));
      if (who.sees_presence && !refusal_for(account, node, config, who)) others[item.jid].by_presence = true;
    });
  }
  const auto add = [&](const std::string& address, bool approved) {
    const auto jid = core::Jid::parse(address);
    if (!jid || jid->bare() == account.jid.full() || shard_.host(jid->domain()) == nullptr) return;
    if (core::has_blocked(blocking, account, jid->full())) return;
    if (approved && refusal_for(account, node, config, requester(account, *jid))) return;
    auto& interest = others[std::string(jid->bare())];
    if (jid->is_bare()) {
      interest.by_subscription = true;
    } else {
      interest.resources.emplace_back(jid->resource());
    }
  };
  for (const auto& subscriber : config.subscribers) add(subscriber, true);
  if (pending) {
    for (const auto& asking : config.pending) add(asking, false);
  }
  return others;
}

// On the home shard of somebody who may be interested. Nobody connected: nothing is loaded for it.
void Pep::arrive(core::Shard& there, const std::string& bare, const Event& event, const Interest& interest) {
  auto* account = there.find_account(bare);
  auto* pep = there.service<Pep>();
  if (pep == nullptr) return;
  std::vector<std::string> gone;  // addresses whose session is no more
  for (const auto& resource : interest.resources) {
    if (account == nullptr || account->find(resource) == nullptr) gone.push_back(bare + '/' + resource);
  }
  if (!gone.empty()) {
    there.on_home(event.stanza->from, [node = event.node, gone](core::Shard& home, core::Account* owner) {
      auto* theirs = home.service<Pep>();
      if (owner != nullptr && owner->exists && theirs != nullptr) theirs->drop_devices(*owner, node, gone);
    });
  }
  if (account == nullptr) return;
  if (core::has_blocked(there.service<core::Blocking>(), *account, event.stanza->from.full())) return;
  const auto& stanza = interest.by_presence ? event.addressed : event.stanza;
  bool asked = false;
  const auto sessions = account->sessions;
  for (auto* session : sessions) {
    const bool named = std::ranges::find(interest.resources, session->jid.resource()) != interest.resources.end();
    const bool notify =
        session->available && (interest.by_presence || interest.by_subscription) && pep->wants(*session, event.node);
    asked = asked || notify;
    if (named || notify) pep->deliver(*session, stanza);
  }
  if (!interest.by_subscription || asked) return;
  // Subscribed without caps that say so: one message to the bare address (XEP-0163 §4.3.2), as chats are delivered.
  for (auto* session : sessions) {
    if (session->available && session->priority >= 0) pep->deliver(*session, stanza);
  }
}

}  // namespace valise::modules::pep
