#include "modules/private_storage/elements.hpp"

#include <algorithm>

#include "modules/omemo/table/table.hpp"
#include "modules/pep/allow_list.hpp"
#include "xml/writer.hpp"

namespace valise::modules::private_storage {
namespace {

using core::StanzaError;

namespace table = omemo::table;
constexpr std::string_view delimiter = "roster:delimiter";

StanzaError not_acceptable(core::Text text) {
  return {.type = StanzaError::Type::modify, .condition = "not-acceptable", .text = text};
}

// XEP-0049 §2.3.
bool is_reserved(std::string_view ns) noexcept {
  return ns.starts_with("jabber:") || ns.starts_with("http://jabber.org/") || ns == "vcard-temp";
}

std::size_t characters(std::string_view text) noexcept {
  return static_cast<std::size_t>(
      std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xc0U) != 0x80U; }));
}

std::expected<std::string, Fault> kept_delimiter(xml::Element element) {
  const auto text = element.single_text();
  if (!text || characters(*text) > max_delimiter) return std::unexpected(Fault::content);
  std::string out;
  xml::Writer(out).element("roster", delimiter, *text);
  return out;
}

}  // namespace

std::string key_of(xml::Element element) {
  std::string key = "{";
  key += element.ns();
  key += '}';
  key += element.name();
  return key;
}

std::expected<std::vector<xml::Element>, StanzaError> elements_of(xml::Element query, bool one_namespace) {
  std::vector<xml::Element> elements;
  for (const auto element : query.children()) {
    if (element.is_text()) continue;
    const auto ns = element.ns();
    if (ns.empty() || is_reserved(ns)) {  // the query's own namespace is one of them
      return std::unexpected(not_acceptable(
          {"This namespace can't be stored privately.", "Cet espace de noms ne peut être stocké à titre privé."}));
    }
    if (key_of(element).size() > max_key) {
      return std::unexpected(
          not_acceptable({"The name of this element is too long.", "Le nom de cet élément est trop long."}));
    }
    if (one_namespace && !elements.empty() && elements.front().ns() != ns) {
      return std::unexpected(
          not_acceptable({"Ask for one namespace at a time.", "Demandez un seul espace de noms à la fois."}));
    }
    elements.push_back(element);
  }
  if (elements.empty() || query.has_visible_text()) {
    return std::unexpected(not_acceptable({"The query needs an element with a namespace of its own.",
                                           "La requête exige un élément avec son propre espace de noms."}));
  }
  return elements;
}

core::Text describe(Fault fault) noexcept {
  switch (fault) {
    case Fault::ns:
      return {"Not saved: this server does not keep this kind of personal data.",
              "Non enregistré : ce serveur ne conserve pas ce type de données personnelles."};
    case Fault::content:
      return {"Not saved: the content is too large or not what belongs there.",
              "Non enregistré : le contenu est trop volumineux ou n’a pas sa place ici."};
  }
  return {};
}

std::string_view reason_of(Fault fault) noexcept {
  return fault == Fault::ns ? "private-namespace" : "private-content";
}

std::expected<std::string, Fault> kept(const Schema& schema, xml::Element element) {
  const auto ns = element.ns();
  if (schema.sealed && std::ranges::find(schema.opened, ns) == schema.opened.end()) {
    const auto& row = table::row_of(table::Path::private_xml, element.name(), ns);
    if (!table::passes(row, {})) return std::unexpected(Fault::ns);
    if (row.form == table::Form::delimiter) return kept_delimiter(element);
    if (row.form != table::Form::old_bookmarks) return std::unexpected(Fault::ns);
    auto written = pep::allowed_payload(ns, "current", element);
    if (!written) return std::unexpected(Fault::content);
    return std::move(*written);
  }
  std::string out;
  xml::append_tree(out, element, {});
  return out;
}

std::string shown(const Schema& schema, const std::string& stored) {
  const auto document = xml::parse_element("<query xmlns='jabber:iq:private'>" + stored + "</query>");
  std::string out;
  if (!document) return out;
  for (const auto element : document->root().children()) {
    if (element.is_text()) continue;
    if (auto written = kept(schema, element)) out += *written;
  }
  return out;
}

}  // namespace valise::modules::private_storage
