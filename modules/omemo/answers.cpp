// docs/sealed.md 3.5: an answer between two people, written anew by its namespace. Names, numbers and tokens remain;
// what the namespace does not know, or does not fit, is left out.
#include <algorithm>
#include <span>

#include "core/namespaces.hpp"
#include "modules/omemo/allow_list.hpp"
#include "modules/omemo/encrypted.hpp"
#include "modules/omemo/table/table.hpp"
#include "modules/omemo/values.hpp"
#include "xml/writer.hpp"

namespace valise::modules::omemo {
namespace {
namespace ns = core::ns;

constexpr std::size_t longest_value = 256;  // of features and nodes
constexpr int most_identities = 16;
constexpr int most_features = 128;
constexpr int most_forms = 4;
constexpr int most_fields = 16;
constexpr int most_values = 16;
constexpr int most_items = 64;

void append_name(xml::Writer& writer, std::string_view attribute, std::string_view value) {
  if (!value.empty() && is_name(value)) writer.attribute(attribute, value);
}

// XEP-0092 §2.
std::string version_answer(xml::Element query) {
  std::string out;
  xml::Writer writer(out);
  writer.open("query", query.ns());
  for (const auto* part : {"name", "version", "os"}) {
    const auto text = query.child(part, query.ns()).text();
    if (!text.empty() && is_name(text)) writer.element(part, {}, text);
  }
  writer.close();
  return out;
}

// XEP-0012 §3: the text would be a status.
std::string last_answer(xml::Element query) {
  std::string out;
  xml::Writer writer(out);
  writer.open("query", query.ns());
  if (const auto seconds = query.attribute_or_empty("seconds"); is_number(seconds, 10))
    writer.attribute("seconds", seconds);
  writer.close();
  return out;
}

// XEP-0082 §3.3: Z or ±hh:mm.
bool is_offset(std::string_view text) {
  return text == "Z" || (text.size() == 6 && (text[0] == '+' || text[0] == '-') && is_number(text.substr(1, 2), 2) &&
                         text[3] == ':' && is_number(text.substr(4), 2));
}

// XEP-0202 §2.
std::string time_answer(xml::Element time) {
  std::string out;
  xml::Writer writer(out);
  writer.open("time", time.ns());
  const auto offset = time.child("tzo", time.ns()).text();
  const auto utc = time.child("utc", time.ns()).text();
  if (is_offset(offset)) writer.element("tzo", {}, offset);
  if (is_date(utc)) writer.element("utc", {}, utc);
  writer.close();
  return out;
}

bool says_which_software(xml::Element form) {
  for (const auto field : form.children()) {
    if (field.is("field", ns::data_forms) && field.attribute_or_empty("var") == "FORM_TYPE")
      return field.child("value", ns::data_forms).text() == "urn:xmpp:dataforms:softwareinfo";
  }
  return false;
}

// XEP-0128, XEP-0232: what software runs there. Without its fields in order the caps hash of XEP-0115 would not agree.
void append_form(xml::Writer& writer, xml::Element form) {
  static constexpr std::string_view types[] = {"hidden",  "text-single", "text-multi", "list-single", "list-multi",
                                               "boolean", "fixed",       "jid-single", "jid-multi"};
  static constexpr std::string_view names[] = {"FORM_TYPE",  "ip_version", "os",
                                               "os_version", "software",   "software_version"};
  if (!says_which_software(form)) return;
  writer.open("x", ns::data_forms).attribute("type", "result");
  int fields = 0;
  for (const auto field : form.children()) {
    const auto var = field.attribute_or_empty("var");
    const bool known = std::ranges::find(names, var) != std::end(names);
    if (!field.is("field", ns::data_forms) || !known || ++fields > most_fields) continue;
    writer.open("field").attribute("var", var);
    const auto type = field.attribute_or_empty("type");
    if (std::ranges::find(types, type) != std::end(types)) writer.attribute("type", type);
    int values = 0;
    for (const auto value : field.children()) {
      const auto text = value.text();
      if (value.is("value", ns::data_forms) && ++values <= most_values && is_name(text))
        writer.element("value", {}, text);
    }
    writer.close();
  }
  writer.close();
}

void append_node(xml::Writer& writer, xml::Element element) {
  if (const auto node = element.attribute_or_empty("node"); is_token(node, longest_value))
    writer.attribute_if("node", node);
}

// XEP-0030 §3.
std::string info_answer(xml::Element query) {
  std::string out;
  xml::Writer writer(out);
  writer.open("query", ns::disco_info);
  append_node(writer, query);
  int identities = 0, features = 0, forms = 0;
  for (const auto child : query.children()) {
    if (child.is("identity", ns::disco_info)) {
      const auto category = child.attribute_or_empty("category");
      const auto type = child.attribute_or_empty("type");
      if (!is_plain_token(category, 32) || !is_plain_token(type, 32) || ++identities > most_identities) continue;
      writer.open("identity").attribute("category", category).attribute("type", type);
      append_name(writer, "name", child.attribute_or_empty("name"));
      if (const auto lang = child.attribute_or_empty(xml::xml_lang); is_language(lang))
        writer.attribute(xml::xml_lang, lang);
      writer.close();
    } else if (child.is("feature", ns::disco_info)) {
      const auto var = child.attribute_or_empty("var");
      if (var.empty() || !is_token(var, longest_value) || ++features > most_features) continue;
      writer.open("feature").attribute("var", var).close();
    } else if (child.is("x", ns::data_forms) && ++forms <= most_forms) {
      append_form(writer, child);
    }
  }
  writer.close();
  return out;
}

// XEP-0030 §4.
std::string items_answer(xml::Element query) {
  std::string out;
  xml::Writer writer(out);
  writer.open("query", ns::disco_items);
  append_node(writer, query);
  int items = 0;
  for (const auto item : query.children()) {
    const auto jid = item.attribute_or_empty("jid");
    if (!item.is("item", ns::disco_items) || !is_token(jid, longest_value) || !core::Jid::parse(jid)) continue;
    if (++items > most_items) break;
    writer.open("item").attribute("jid", jid);
    append_node(writer, item);
    append_name(writer, "name", item.attribute_or_empty("name"));
    writer.close();
  }
  writer.close();
  return out;
}

std::string empty_answer(xml::Element payload) {
  std::string out;
  xml::Writer(out).element(payload.name(), payload.ns());
  return out;
}

}  // namespace

std::optional<std::string> rebuild_answer(const core::Stanza& iq) {
  using table::Form;
  if (!is_token(iq.id)) return std::nullopt;
  const bool error = iq.type == "error";
  if (!error && iq.root().has_visible_text()) return std::nullopt;
  const auto payload = iq.payload();
  if (!error && !payload) return std::string();
  const auto& row = error ? table::row_of(table::Path::answer, "error", ns::client)
                          : table::row_of(table::Path::answer, payload.name(), payload.ns());
  if (!table::passes(row, {})) return std::nullopt;
  switch (row.form) {
    case Form::bare_error:
      return error ? std::optional(rebuild_error(iq)) : std::nullopt;
    case Form::info:
      return info_answer(payload);
    case Form::items:
      return items_answer(payload);
    case Form::version:
      return version_answer(payload);
    case Form::last:
      return last_answer(payload);
    case Form::time:
      return time_answer(payload);
    case Form::plain:  // XEP-0054: whoever looks for a card asks the account, and the server answers.
      return empty_answer(payload);
    case Form::seal:
      return rebuild_envelope(iq);
    default:
      return std::nullopt;  // no form of an answer
  }
}

}  // namespace valise::modules::omemo
