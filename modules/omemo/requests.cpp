// docs/sealed.md 3.5: what one person's client may ask another's, written anew by its namespace.
#include "core/namespaces.hpp"
#include "modules/omemo/allow_list.hpp"
#include "modules/omemo/encrypted.hpp"
#include "modules/omemo/table/table.hpp"
#include "modules/omemo/values.hpp"
#include "xml/writer.hpp"

namespace valise::modules::omemo {
namespace {
namespace ns = core::ns;

constexpr std::size_t longest_value = 256;  // node names, among others
constexpr int most_items = 64;              // asked for by name

bool append_token(xml::Writer& writer, xml::Element element, std::string_view name) {
  const auto value = element.attribute_or_empty(name);
  if (!is_token(value, longest_value)) return false;
  writer.attribute_if(name, value);
  return true;
}

// XEP-0059: which part of a list, named by numbers and by ids of what is in it. False: it says something else.
bool append_page_wish(xml::Writer& writer, xml::Element set) {
  if (set.has_visible_text()) return false;
  writer.open("set", ns::rsm);
  int parts = 0;
  for (const auto part : set.children()) {
    if (part.is_text()) continue;
    const auto text = part.single_text();
    if (part.ns() != ns::rsm || part.first_element() || !text || ++parts > 4) return false;
    const bool number = part.name() == "max" || part.name() == "index";
    const bool id = part.name() == "before" || part.name() == "after";
    if (number ? !is_number(*text, 9) : !id || !is_token(*text, longest_value)) return false;
    writer.element(part.name(), {}, *text);
  }
  writer.close();
  return true;
}

// XEP-0030: nothing but which node, and which part of its items.
std::optional<std::string> disco_question(xml::Element query) {
  std::string out;
  xml::Writer writer(out);
  writer.open("query", query.ns());
  if (query.has_visible_text() || !append_token(writer, query, "node")) return std::nullopt;
  bool paged = query.ns() != ns::disco_items;
  for (const auto part : query.children()) {
    if (part.is_text()) continue;
    if (paged || !part.is("set", ns::rsm) || !append_page_wish(writer, part)) return std::nullopt;
    paged = true;
  }
  writer.close();
  return out;
}

// XEP-0060 §5.6, §5.7, §6.5.
std::optional<std::string> pubsub_question(xml::Element pubsub) {
  const auto verb = pubsub.first_element();
  const bool items = verb.is("items", ns::pubsub);
  if (!items && !verb.is("subscriptions", ns::pubsub) && !verb.is("affiliations", ns::pubsub)) return std::nullopt;
  if (pubsub.has_visible_text() || verb.has_visible_text()) return std::nullopt;
  std::string out;
  xml::Writer writer(out);
  writer.open("pubsub", ns::pubsub).open(verb.name());
  if (!append_token(writer, verb, "node")) return std::nullopt;
  if (const auto most = verb.attribute_or_empty("max_items"); is_number(most, 9)) writer.attribute("max_items", most);
  int named = 0;
  for (const auto item : verb.children()) {
    if (item.is_text()) continue;
    if (!items || !item.is("item", ns::pubsub) || !is_empty_element(item) || ++named > most_items) return std::nullopt;
    writer.open("item");
    if (!append_token(writer, item, "id")) return std::nullopt;
    writer.close();
  }
  writer.close();
  if (const auto page = pubsub.child("set", ns::rsm); page && (!items || !append_page_wish(writer, page))) {
    return std::nullopt;
  }
  writer.close();
  return out;
}

// XEP-0060 §6.1, §6.2: no publishing into somebody else's nodes.
std::optional<std::string> pubsub_change(xml::Element pubsub) {
  const auto verb = pubsub.first_element();
  if (!verb.is("subscribe", ns::pubsub) && !verb.is("unsubscribe", ns::pubsub)) return std::nullopt;
  if (pubsub.has_visible_text() || !is_empty_element(verb)) return std::nullopt;
  std::string out;
  xml::Writer writer(out);
  writer.open("pubsub", ns::pubsub).open(verb.name());
  if (!append_token(writer, verb, "node") || !append_token(writer, verb, "subid")) return std::nullopt;
  if (const auto jid = core::Jid::parse(verb.attribute_or_empty("jid")); jid && is_name(jid->resource())) {
    writer.attribute("jid", jid->full());
  }
  writer.close().close();
  return out;
}

std::string emptied(xml::Element payload) {
  std::string out;
  xml::Writer(out).element(payload.name(), payload.ns());
  return out;
}

}  // namespace

std::optional<std::string> rebuild_envelope(const core::Stanza& iq) {
  const auto payload = iq.payload();
  Envelope envelope;
  if (iq.root().has_visible_text() || check_envelope(payload, {}, parties_of(iq), envelope) != nullptr)
    return std::nullopt;
  std::string out;
  append_encrypted(out, payload);
  return out;
}

std::optional<std::string> rebuild_request(const core::Stanza& iq) {
  using table::Form;
  const auto payload = iq.payload();
  if (!is_token(iq.id) || iq.root().has_visible_text()) return std::nullopt;
  const auto& row = table::row_of(table::Path::request, payload.name(), payload.ns(), iq.type);
  if (!table::passes(row, {})) return std::nullopt;
  // A publish-subscribe service is an account, never one of its devices.
  const bool to_account = iq.to && iq.to->is_bare();
  switch (row.form) {
    case Form::seal:
      return rebuild_envelope(iq);
    case Form::roster:  // for modules/roster to forbid (RFC 6121 §2.3.3); a device would take it for a push
      return to_account ? std::optional(emptied(payload)) : std::nullopt;
    case Form::pubsub_change:
      return to_account ? pubsub_change(payload) : std::nullopt;
    case Form::disco:
      return disco_question(payload);
    case Form::pubsub_read: {
      // Devices keep no nodes; Profanity asks them for their list all the same. A row of items would be a letter.
      const bool plain = is_empty_element(payload.first_element()) && !payload.child("set", ns::rsm);
      return to_account || plain ? pubsub_question(payload) : std::nullopt;
    }
    case Form::plain:
      return is_empty_element(payload) ? std::optional(emptied(payload)) : std::nullopt;
    default:
      return std::nullopt;  // no form of a request
  }
}

}  // namespace valise::modules::omemo
