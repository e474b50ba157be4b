// XEP-0191 §3: the list, its changes, and who is told.
#include <fmt/core.h>

#include <set>

#include "modules/blocking/module.hpp"
#include "modules/presence/undirected.hpp"
#include "modules/reports/report.hpp"
#include "modules/roster/subscriptions.hpp"
#include "xml/writer.hpp"

namespace valise::modules::blocking {
namespace {

using core::StanzaError;

const StanzaError no_item{.type = StanzaError::Type::modify, .condition = "bad-request"};
const StanzaError full{
    .type = StanzaError::Type::wait,
    .condition = "resource-constraint",
    .text = {"Your list of blocked addresses is full.", "Votre liste d’adresses bloquées est pleine."}};
const StanzaError not_saved{
    .type = StanzaError::Type::wait,
    .condition = "resource-constraint",
    .text = {"The list of blocked addresses can't be saved right now. Please try again.",
             "La liste d’adresses bloquées ne peut être enregistrée pour l’instant. Veuillez réessayer."}};

bool has(const storage::RosterItem* item, storage::Subscription bit) {
  return item != nullptr && (static_cast<unsigned>(item->subscription) & static_cast<unsigned>(bit)) != 0;
}

template <class Addresses>
std::string items_element(std::string_view name, const Addresses& addresses) {
  std::string out;
  xml::Writer writer(out);
  writer.open(name, ns_blocking);
  for (const auto& address : addresses) writer.open("item").attribute("jid", address).close();
  writer.close();
  return out;
}

}  // namespace

void BlockingModule::get(core::IqRequest request) {
  if (!request.from_owner()) return request.error(core::service_unavailable);
  // Behind the commits that are under way: what is answered is durable.
  auto& account = *request.account();
  if (!shard_.has_room(account)) return request.error(core::store_away);
  const auto bytes = sizeof request + request.stanza().memory();
  account.in_order([this, &account, request = std::move(request)]() mutable { answer_get(account, request); }, bytes);
}

void BlockingModule::answer_get(core::Account& account, core::IqRequest& request) {
  if (auto* session = account.find(request.from().resource())) session->ensure_part<Interested>(session_slot_);
  request.result(items_element("blocklist", blocked(account).addresses()));
}

void BlockingModule::set(core::IqRequest request, bool adds) {
  if (!request.from_owner()) return request.error(core::service_unavailable);
  auto addresses = parse_items(request.payload());
  if (!addresses) return request.error(addresses.error());
  Command command{.all = !adds && addresses->empty(), .change = {.adds = adds, .addresses = std::move(*addresses)}};
  auto& wanted = command.change.addresses;
  if (adds && wanted.empty()) return request.error(no_item);
  const auto& now = blocked(*request.account());
  if (adds && now.size_with(wanted) > max_blocked_) return request.error(full);
  if (command.all) wanted = now.will_be();
  if (adds) command.reports = reports_of(request);
  carry_out(std::move(request), std::move(command));
}

// XEP-0377 §6: with a report or without one, the address is blocked.
std::vector<reports::Taken> BlockingModule::reports_of(const core::IqRequest& request) const {
  std::vector<reports::Taken> out;
  auto* reports = shard_.service<AbuseReports>();
  if (reports == nullptr) return out;
  for (const auto item : request.payload().children()) {
    if (item.is_text()) continue;
    const auto report = item.child("report", reports::ns_reporting);
    const auto address = core::Jid::parse(item.attribute_or_empty("jid"));
    if (!report || !address) continue;
    if (auto taken = reports->take(*request.account(), address->str(), report)) {
      taken->record.origin = request.origin();
      out.push_back(std::move(*taken));
    }
  }
  return out;
}

void BlockingModule::carry_out(core::IqRequest request, Command command) {
  const bool adds = command.change.adds;
  auto& account = *request.account();
  auto& blocked = list(account);
  auto unit = std::make_unique<core::Unit>();
  auto bytes = sizeof request + request.stanza().memory();
  for (const auto& address : command.change.addresses) {
    bytes += sizeof address + address.size();
    if (!adds) {
      if (!blocked.may_hold(address)) continue;
      unit->writes.emplace_back(storage::RemoveAccountData{account.jid.str(), storage::DataKind::blocked, address});
    } else if (!blocked.surely_holds(address)) {
      unit->writes.emplace_back(storage::PutAccountData{account.jid.str(), storage::DataKind::blocked, {address, {}}});
    }
  }
  for (auto& report : command.reports) {
    for (auto& write : report.writes) unit->writes.push_back(std::move(write));
    if (unit->record) {
      shard_.record(std::move(report.record));  // a unit has one
    } else {
      unit->record = std::move(report.record);
    }
  }
  command.change = blocked.begin(adds, std::move(command.change.addresses));
  unit->done = [this, &account, command = std::move(command),
                request = std::move(request)](core::Unit& finished) mutable {
    if (!finished.outcome) {
      list(account).end(command.change, false);
      return request.error(not_saved);
    }
    end_and_tell(account, command.change);
    request.result();
    push(account, command);
    for (auto& report : command.reports) {
      if (report.durable) report.durable();
    }
  };
  shard_.commit_in_order(account, std::move(unit), bytes);
}

void BlockingModule::push(core::Account& account, const Command& command) {
  const auto payload = items_element(command.change.adds ? "block" : "unblock",
                                     command.all ? std::vector<std::string>() : command.change.addresses);
  const auto sessions = account.sessions;
  for (auto* session : sessions) {
    if (std::ranges::find(account.sessions, session) == account.sessions.end()) continue;
    if (session->part<Interested>(session_slot_) == nullptr) continue;
    const auto stanza = core::make_iq("set", fmt::format("blocking-{}-{}", shard_.index(), ++pushes_), core::Jid(),
                                      session->jid, payload);
    session->stream.deliver(stanza, nullptr, {});
  }
}

// Contacts about whom the list says otherwise behind the change. Only a domain makes it look at all of them.
std::vector<BlockingModule::Concerned> BlockingModule::concerned_by(const core::Account& account,
                                                                    const Blocklist::Change& change) const {
  std::vector<Concerned> concerned;
  const auto* contacts = shard_.service<core::Contacts>();
  if (contacts == nullptr) return concerned;
  const auto consider = [&](const std::string& jid, const storage::RosterItem* item) {
    const bool sees_us = has(item, storage::Subscription::from), seen = has(item, storage::Subscription::to);
    if ((sees_us || seen) && has_blocked(account, jid) != change.adds) concerned.push_back({jid, sees_us, seen});
  };
  bool whole_domain = false;
  for (const auto& address : change.addresses) {
    const auto bare = address.substr(0, address.find('/'));
    consider(address, contacts->find(account, bare));
    whole_domain = whole_domain || bare.find('@') == std::string::npos;
  }
  if (whole_domain) {
    contacts->each(account, [&](const storage::RosterItem& item) { consider(item.jid, &item); });
  }
  // Who is blocked whole is told with all his resources.
  std::ranges::stable_partition(concerned, [](const auto& one) { return one.jid.find('/') == std::string::npos; });
  return concerned;
}

// What the contact is told of each available session is a presence of that session.
void BlockingModule::record_shown(const core::Account& account, const core::Jid& contact, bool available) {
  for (const auto* session : account.sessions) {
    if (!session->available || !session->presence) continue;
    core::audit::Record record;
    record.kind = core::audit::Kind::presence;
    record.type = available ? core::audit::StanzaType::none : core::audit::StanzaType::unavailable;
    record.verdict = core::audit::Outcome::delivered;
    record.origin = session->origin;
    record.recipient = contact.bare();
    shard_.record(std::move(record));
  }
}

// §3.3, §3.4: whoever may see the account's presence sees it go, or what it is now. What an unblocked contact is now is
// asked: its presence was not let in meanwhile.
void BlockingModule::end_and_tell(core::Account& account, const Blocklist::Change& change) {
  auto* subscriptions = shard_.service<Subscriptions>();
  const auto concerned = concerned_by(account, change);
  list(account).end(change, true);
  std::set<std::string, std::less<>> told;  // with all their resources
  for (const auto& [jid, sees_us, seen] : concerned) {
    const auto contact = core::Jid::parse(jid);
    if (!contact || has_blocked(account, jid) != change.adds || told.contains(contact->bare())) continue;
    if (contact->is_bare()) told.insert(jid);
    if (sees_us && subscriptions != nullptr) {
      record_shown(account, *contact, !change.adds);
      subscriptions->show(account, *contact, !change.adds);
    }
    if (!seen || change.adds) continue;
    for (const auto* session : account.sessions) {
      if (session->available) shard_.route(core::make_presence("probe", session->jid, contact->to_bare()));
    }
  }
  auto* directed = shard_.service<DirectedPresence>();
  if (!change.adds || directed == nullptr) return;
  directed->undirect(account, [&](const core::Jid& jid) { return has_blocked(account, jid.full()); });
}

}  // namespace valise::modules::blocking
