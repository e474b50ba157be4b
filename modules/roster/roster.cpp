#include "modules/roster/roster.hpp"

#include "core/footprint.hpp"
#include "core/namespaces.hpp"
#include "modules/roster/item_xml.hpp"
#include "modules/roster/module.hpp"

namespace valise::modules {
namespace roster {

using core::IqTarget;

void RosterModule::start(core::Registrar& registrar) {
  slot_ = registrar.account_part(
      [](storage::Reader& reader, const std::string& jid) -> Result<std::unique_ptr<core::Part>> {
        auto roster = reader.roster(jid);
        if (!roster) return std::unexpected(roster.error());
        return std::make_unique<Book>(std::move(*roster));
      });
  registrar.iq(IqTarget::account, "get", "query", core::ns::roster,
               [this](core::IqRequest request) { get(std::move(request)); });
  registrar.iq(IqTarget::account, "set", "query", core::ns::roster,
               [this](core::IqRequest request) { set(std::move(request)); });
  shard_.publish<core::Contacts>(*this);
  shard_.publish<Subscriptions>(*this);
  shard_.publish<RosterModule>(*this);  // for the other shards
  // In the loop's first turn every module has published what others look for.
  shard_.post([this] {
    if (auto* presence = shard_.service<core::PresenceEvents>()) {
      presence->on_available([this](core::Session& session, bool first) {
        if (first) deliver_requests(session);
      });
    }
  });
}

const storage::RosterItem* RosterModule::find(const core::Account& account, std::string_view contact_bare) const {
  const auto* item = book(account).find(contact_bare);
  return item == nullptr || is_hidden(*item) ? nullptr : item;
}

void RosterModule::each(const core::Account& account,
                        const std::function<void(const storage::RosterItem&)>& visit) const {
  for (const auto& item : book(account).items()) {
    if (!is_hidden(item)) visit(item);
  }
}

std::size_t RosterModule::pending(const core::Account& account) const {
  std::size_t requests = 0;
  for (const auto& item : book(account).items()) requests += item.pending_in.empty() ? 0 : 1;
  return requests;
}

void RosterModule::write(core::Account& account, const std::string& jid, std::optional<Item> next,
                         std::optional<core::audit::Record> record, std::size_t bytes, Written then, bool is_set) {
  auto& rows = book(account);
  const auto* before = rows.find(jid);
  std::optional<Item> was;
  if (before != nullptr && !is_hidden(*before)) was = *before;
  const bool seen = is_set || !looks_equal(before, next ? &*next : nullptr);

  auto unit = std::make_unique<core::Unit>();
  unit->record = std::move(record);
  if (next) {
    unit->writes.emplace_back(storage::PutRosterItem{account.jid.str(), *next});
  } else {
    unit->writes.emplace_back(storage::RemoveRosterItem{account.jid.str(), jid});
  }
  bytes += core::footprint(*unit);  // `next` and what was before are kept as well
  rows.begin(jid, next);
  unit->done = [this, &account, jid, was = std::move(was), next = std::move(next), seen,
                then = std::move(then)](core::Unit& finished) mutable {
    auto& now = book(account);
    const bool durable = finished.outcome.has_value();
    if (durable) {
      now.succeeded(jid, next, finished.id);
    } else {
      now.failed(jid);
    }
    then(account, durable);
    if (!durable) return;
    const auto* visible = next && !is_hidden(*next) ? &*next : nullptr;
    if (seen) push(account, jid, visible, finished.id);
    for (const auto& changed : listeners_) changed(account, jid, was ? &*was : nullptr, visible);
  };
  shard_.commit_in_order(account, std::move(unit), bytes);
}

void RosterModule::push(core::Account& account, std::string_view jid, const Item* item, std::uint64_t version) {
  std::string query;
  const auto sessions = account.sessions;
  for (auto* session : sessions) {
    if (std::ranges::find(account.sessions, session) == account.sessions.end() || !session->wants_roster) continue;
    if (query.empty()) query = push_query(jid, item, version);
    deliver_push(*session, query);
  }
}

namespace {
std::unique_ptr<core::Module> make(core::Shard& shard) { return std::make_unique<RosterModule>(shard); }
}  // namespace

}  // namespace roster

const core::Manifest& roster_manifest() {
  static const core::Manifest manifest{
      .name = "roster",
      .summary = "contact lists and subscriptions",
      .implements = {{"RFC 6121 §2", "2011", core::Completeness::complete},
                     {"RFC 6121 §3", "2011", core::Completeness::complete},
                     {"XEP-0237", "1.3", core::Completeness::complete}},
      .stream_features = "<ver xmlns='urn:xmpp:features:rosterver'/><sub xmlns='urn:xmpp:features:pre-approval'/>",
      .make = &roster::make,
  };
  return manifest;
}

}  // namespace valise::modules
