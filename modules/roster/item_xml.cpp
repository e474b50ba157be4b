#include "modules/roster/item_xml.hpp"

#include <algorithm>

#include "core/namespaces.hpp"
#include "modules/roster/book.hpp"
#include "xml/writer.hpp"

namespace valise::modules::roster {
namespace {

using core::StanzaError;

StanzaError modify(std::string_view condition, core::Text text) {
  return {.type = StanzaError::Type::modify, .condition = condition, .text = text};
}

std::string_view name_of(storage::Subscription subscription) noexcept {
  switch (subscription) {
    case storage::Subscription::none:
      return "none";
    case storage::Subscription::to:
      return "to";
    case storage::Subscription::from:
      return "from";
    case storage::Subscription::both:
      return "both";
  }
  return "none";
}

std::optional<StanzaError> add_group(std::vector<std::string>& groups, std::string name, std::size_t most) {
  if (name.empty()) {
    return modify("not-acceptable", {"A group needs a name.", "Un groupe doit avoir un nom."});
  }
  if (name.size() > max_name) {
    return modify("not-acceptable", {"A group's name is too long.", "Le nom d’un groupe est trop long."});
  }
  if (std::ranges::find(groups, name) != groups.end()) {
    return modify("bad-request", {"A group is named twice.", "Un groupe est nommé deux fois."});
  }
  if (groups.size() >= most) {
    return StanzaError{
        .type = StanzaError::Type::wait,
        .condition = "resource-constraint",
        .text = {"A contact can't be in so many groups.", "Un contact ne peut être dans autant de groupes."}};
  }
  groups.push_back(std::move(name));
  return std::nullopt;
}

// The one <item/> of a set; nothing if there are none or several.
xml::Element only_item(xml::Element query) {
  xml::Element item;
  for (const auto node : query.children()) {
    if (node.is_text()) continue;
    if (item || !node.is("item", core::ns::roster)) return {};
    item = node;
  }
  return item;
}

}  // namespace

std::expected<ItemChange, StanzaError> parse_set(xml::Element query, const core::Jid& owner, std::size_t max_groups) {
  const auto item = only_item(query);
  if (!item) {
    return std::unexpected(modify("bad-request", {"A roster set holds exactly one item.",
                                                  "Une modification de contacts contient exactement un élément."}));
  }
  const auto address = item.attribute("jid");
  if (!address) {
    return std::unexpected(modify("bad-request", {"The item has no address.", "L’élément n’a pas d’adresse."}));
  }
  auto jid = core::Jid::parse(*address);
  if (!jid) {
    return std::unexpected(modify("jid-malformed", {"The address is not valid.", "L’adresse n’est pas valide."}));
  }
  if (!jid->is_bare()) {
    return std::unexpected(modify("not-acceptable", {"A contact is a bare address, without a resource.",
                                                     "Un contact est une adresse nue, sans ressource."}));
  }
  if (*jid == owner) {
    return std::unexpected(StanzaError{.type = StanzaError::Type::cancel,
                                       .condition = "not-allowed",
                                       .text = {"You can't be your own contact.", "On n’est pas son propre contact."}});
  }
  ItemChange change;
  change.jid = std::move(*jid);
  // §2.1.2.5: of this attribute the server heeds no other value; neither does it heed ask and approved.
  change.remove = item.attribute_or_empty("subscription") == "remove";
  if (change.remove) return change;
  change.name = item.attribute_or_empty("name");
  if (change.name.size() > max_name) {
    return std::unexpected(modify("not-acceptable", {"The name is too long.", "Le nom est trop long."}));
  }
  for (const auto node : item.children()) {
    if (node.is_text() || !node.is("group", core::ns::roster)) continue;
    if (auto error = add_group(change.groups, node.text(), max_groups)) return std::unexpected(std::move(*error));
  }
  return change;
}

void append_item(std::string& out, const storage::RosterItem& item) {
  xml::Writer writer(out);
  writer.open("item").attribute("jid", item.jid).attribute_if("name", item.name);
  writer.attribute("subscription", name_of(item.subscription));
  if (item.ask) writer.attribute("ask", "subscribe");
  if (item.approved) writer.attribute("approved", "true");
  for (const auto& group : item.groups) writer.element("group", {}, group);
  writer.close();
}

std::string push_query(std::string_view jid, const storage::RosterItem* item, std::uint64_t version) {
  std::string out;
  xml::Writer writer(out);
  writer.open("query", core::ns::roster).attribute("ver", std::to_string(version));
  if (item != nullptr) {
    writer.content();
    append_item(out, *item);
  } else {
    writer.open("item").attribute("jid", jid).attribute("subscription", "remove").close();
  }
  writer.close();
  return out;
}

std::string stored_request(const core::Stanza& subscribe) {
  std::string out;
  subscribe.append(out);
  if (out.size() <= max_request) return out;
  out.clear();
  core::make_presence(subscribe.type, subscribe.from, *subscribe.to)->append(out);
  return out;
}

core::StanzaPtr restored_request(const storage::RosterItem& item) {
  std::string_view text = item.pending_in;
  if (is_hidden(item)) text.remove_prefix(1);
  auto from = core::Jid::parse(item.jid);
  auto document = xml::parse_element(text);
  if (!from || !document) return {};
  auto stanza = core::make_stanza(std::move(document));
  if (!stanza || !*stanza || (*stanza)->kind != core::Kind::presence) return {};
  (*stanza)->from = std::move(*from);
  return std::move(*stanza);
}

}  // namespace valise::modules::roster
