// Roster get and set (RFC 6121 §2.2–2.5).
#include <fmt/core.h>

#include <charconv>

#include "core/namespaces.hpp"
#include "modules/roster/item_xml.hpp"
#include "modules/roster/module.hpp"
#include "xml/writer.hpp"

namespace valise::modules::roster {
namespace {

using core::StanzaError;

const StanzaError forbidden{.type = StanzaError::Type::auth,
                            .condition = "forbidden",
                            .text = {"This contact list is not yours.", "Cette liste de contacts n’est pas la vôtre."}};
const StanzaError not_saved{
    .type = StanzaError::Type::wait,
    .condition = "resource-constraint",
    .text = {"The contact list can't be saved right now. Please try again.",
             "La liste de contacts ne peut être enregistrée pour l’instant. Veuillez réessayer."}};
const StanzaError full{.type = StanzaError::Type::wait,
                       .condition = "resource-constraint",
                       .text = {"Your contact list is full.", "Votre liste de contacts est pleine."}};
const StanzaError no_such_item{
    .type = StanzaError::Type::cancel,
    .condition = "item-not-found",
    .text = {"This address is not in your contact list.", "Cette adresse n’est pas dans votre liste de contacts."}};

std::optional<std::uint64_t> version_of(std::string_view ver) {
  std::uint64_t number = 0;
  const auto* end = ver.data() + ver.size();
  const auto [stop, problem] = std::from_chars(ver.data(), end, number);
  if (problem != std::errc() || stop != end) return std::nullopt;
  return number;
}

// Bytes that its items take, about: thousands are written into place at once.
std::size_t xml_size(const Book& rows) {
  std::size_t bytes = 128;
  for (const auto& item : rows.items()) {
    bytes += 64 + item.jid.size() + item.name.size();
    for (const auto& group : item.groups) bytes += 16 + group.size();
  }
  return bytes;
}

}  // namespace

void RosterModule::get(core::IqRequest request) {
  if (!request.from_owner()) return request.error(forbidden);
  // Behind the commits that are under way: what is answered is durable.
  auto& account = *request.account();
  if (!shard_.has_room(account)) return request.error(core::store_away);
  const auto bytes = sizeof request + request.stanza().memory();
  account.in_order([this, &account, request = std::move(request)]() mutable { answer_get(account, request); }, bytes);
}

void RosterModule::answer_get(core::Account& account, core::IqRequest& request) {
  auto* session = account.find(request.from().resource());
  if (session != nullptr) session->wants_roster = true;
  const auto& rows = book(account);
  const auto ver = request.payload().attribute("ver");
  const auto known = ver ? version_of(*ver) : std::nullopt;
  if (const auto changes = known ? rows.since(*known) : std::nullopt; changes && session != nullptr) {
    // XEP-0237 §2.3: an empty result, then what changed as pushes, oldest first.
    request.result();
    std::vector<std::pair<std::uint64_t, std::string>> queries;
    for (const auto* item : changes->items) {
      queries.emplace_back(item->version, push_query(item->jid, item, item->version));
    }
    for (const auto& [version, jid] : changes->removed)
      queries.emplace_back(version, push_query(jid, nullptr, version));
    std::ranges::sort(queries);
    for (auto& [version, query] : queries) {
      shard_.deliver(*session, core::make_iq("set", fmt::format("push-{}-{}", shard_.index(), ++pushes_), core::Jid(),
                                             session->jid, std::move(query)));
    }
    return;
  }
  std::string out;
  out.reserve(xml_size(rows));
  xml::Writer writer(out);
  writer.open("query", core::ns::roster);
  writer.attribute("ver", std::to_string(rows.version()));  // §2.6.3: also to who did not ask for it
  writer.content();
  for (const auto& item : rows.items()) {
    if (!is_hidden(item)) append_item(out, item);
  }
  writer.close();
  request.result(std::move(out));
}

void RosterModule::deliver_push(core::Session& session, std::string query) {
  const auto stanza = core::make_iq("set", fmt::format("push-{}-{}", shard_.index(), ++pushes_), core::Jid(),
                                    session.jid, std::move(query));
  session.stream.deliver(stanza, nullptr, {});
}

void RosterModule::set(core::IqRequest request) {
  if (!request.from_owner()) return request.error(forbidden);
  auto& account = *request.account();
  auto change = parse_set(request.payload(), account.jid, shard_.settings().roster_groups);
  if (!change) return request.error(change.error());
  if (change->remove) return remove(std::move(request), change->jid);

  const auto& rows = book(account);
  const auto* before = rows.find(change->jid.full());
  const bool added = before == nullptr || is_hidden(*before);
  if (added && rows.visible() >= shard_.settings().roster_items) return request.error(full);
  auto next = before != nullptr ? *before : Item{.jid = change->jid.str()};
  if (is_hidden(next)) next.pending_in.erase(0, 1);
  next.name = std::move(change->name);
  next.groups = std::move(change->groups);
  const auto bytes = sizeof request + request.stanza().memory();
  write(
      account, change->jid.str(), std::move(next), std::nullopt, bytes,
      [request = std::move(request)](core::Account&, bool durable) mutable {
        if (durable) return request.result();
        request.error(not_saved);
      },
      true);
}

// RFC 6121 §2.5: with the item go both subscriptions.
void RosterModule::remove(core::IqRequest request, const core::Jid& jid) {
  auto& account = *request.account();
  const auto* before = book(account).find(jid.full());
  if (before == nullptr || is_hidden(*before)) return request.error(no_such_item);
  const auto state = state_of(*before);
  const bool sees_us = has_from(state.subscription);
  const bool seen = has_to(state.subscription) || state.pending_out;
  const bool asked_us = state.pending_in;
  const auto bytes = sizeof request + request.stanza().memory();
  write(account, jid.str(), std::nullopt, std::nullopt, bytes,
        [this, jid, sees_us, seen, asked_us, request = std::move(request)](core::Account& owner, bool durable) mutable {
          if (!durable) return request.error(not_saved);
          if (seen) shard_.route(core::make_presence("unsubscribe", owner.jid, jid));
          if (sees_us) show(owner, jid, false);
          if (sees_us || asked_us) shard_.route(core::make_presence("unsubscribed", owner.jid, jid));
          request.result();
        });
}

}  // namespace valise::modules::roster
