#include "core/stanza.hpp"

#include "core/namespaces.hpp"
#include "xml/writer.hpp"

namespace valise::core {
namespace {

std::string_view name_of(StanzaError::Type type) noexcept {
  switch (type) {
    case StanzaError::Type::auth:
      return "auth";
    case StanzaError::Type::cancel:
      return "cancel";
    case StanzaError::Type::continue_:
      return "continue";
    case StanzaError::Type::modify:
      return "modify";
    case StanzaError::Type::wait:
      return "wait";
  }
  return "cancel";
}

std::optional<Kind> kind_of(xml::Element root) {
  if (root.ns() != ns::client) return std::nullopt;
  if (root.name() == "message") return Kind::message;
  if (root.name() == "presence") return Kind::presence;
  if (root.name() == "iq") return Kind::iq;
  return std::nullopt;
}

// The bytes between start and end tag, where they may be sent on as they are.
std::string_view inner_bytes(xml::Element root) {
  const auto first = root.children().begin();
  if (!(first != root.children().end())) return {};
  const auto& document = *root.document();
  const auto begin = document.node((*first).index()).raw_begin;
  const auto whole = root.raw();
  return whole.substr(begin, whole.rfind("</") - begin);
}

}  // namespace

const StanzaError service_unavailable{
    .type = StanzaError::Type::cancel,
    .condition = "service-unavailable",
    .text = {"This can't be reached or is not offered here.", "Ceci est injoignable ou n’est pas proposé ici."}};
const StanzaError store_away{.type = StanzaError::Type::wait,
                             .condition = "resource-constraint",
                             .text = {"The server can't store this right now. Please try again.",
                                      "Le serveur ne peut pas l’enregistrer pour l’instant. Veuillez réessayer."}};

std::string_view name_of(Kind kind) noexcept {
  switch (kind) {
    case Kind::message:
      return "message";
    case Kind::presence:
      return "presence";
    case Kind::iq:
      return "iq";
  }
  return "message";
}

void Stanza::rewrite(std::string xml) {
  children = std::move(xml);
  rewritten = true;
}

StanzaPtr with_children(const Stanza& stanza, std::string children) {
  auto copy = make_ref<Stanza>();
  copy->kind = stanza.kind;
  copy->from = stanza.from;
  copy->to = stanza.to;
  copy->type = stanza.type;
  copy->id = stanza.id;
  copy->lang = stanza.lang;
  copy->document = stanza.document;
  copy->seal = stanza.seal;
  copy->label = stanza.label;
  copy->size = stanza.size;
  copy->rewrite(std::move(children));
  return copy;
}

StanzaPtr copy_of(const Stanza& stanza) {
  std::string children;
  stanza.append_children(children);
  return with_children(stanza, std::move(children));
}

StanzaPtr without_document(const StanzaPtr& stanza) {
  if (!stanza->document) return stanza;
  auto slim = copy_of(*stanza);
  slim->document = {};
  slim->children.shrink_to_fit();
  return slim;
}

void Stanza::append_children(std::string& out) const {
  if (!document || rewritten) {
    out += children;
    return;
  }
  const auto element = document->root();
  if (document->raw_is_portable()) {
    out += inner_bytes(element);
    return;
  }
  for (const auto node : element.children()) xml::append_element(out, node, ns::client);
}

void Stanza::append(std::string& out, const Jid* other_to, std::string_view extra) const {
  write(out, {}, other_to, extra);
}

void Stanza::append_forwarded(std::string& out, std::string_view extra) const {
  write(out, ns::client, nullptr, extra);
}

void Stanza::write(std::string& out, std::string_view xmlns, const Jid* other_to, std::string_view extra) const {
  const auto attribute = [&out](std::string_view name, std::string_view value) {
    if (value.empty()) return;
    out.push_back(' ');
    out += name;
    out += "='";
    xml::append_escaped_attribute(out, value);
    out.push_back('\'');
  };
  out.push_back('<');
  out += name_of(kind);
  attribute("xmlns", xmlns);
  attribute("from", from.full());
  if (other_to != nullptr) {
    attribute("to", other_to->full());
  } else if (to) {
    attribute("to", to->full());
  }
  attribute("id", id);
  attribute("type", type);
  attribute("xml:lang", lang);
  out.push_back('>');
  const auto before = out.size();
  append_children(out);
  out += extra;
  if (out.size() == before) {
    out.back() = '/';
    out.push_back('>');
    return;
  }
  out += "</";
  out += name_of(kind);
  out.push_back('>');
}

Result<StanzaPtr> make_stanza(xml::DocumentPtr document) {
  const auto root = document->root();
  const auto kind = kind_of(root);
  if (!kind) return StanzaPtr();
  auto stanza = make_ref<Stanza>();
  stanza->kind = *kind;
  stanza->type = root.attribute_or_empty("type");
  stanza->id = root.attribute_or_empty("id");
  stanza->lang = root.attribute_or_empty(xml::xml_lang);
  stanza->size = static_cast<std::uint32_t>(document->raw().size());
  if (const auto to = root.attribute("to")) {
    auto jid = Jid::parse(*to);
    if (!jid) return std::unexpected(jid.error());
    stanza->to = std::move(*jid);
  }
  stanza->document = std::move(document);
  return stanza;
}

namespace {
StanzaPtr server_made(Kind kind, std::string type, Jid from, Jid to, std::string children) {
  auto stanza = make_ref<Stanza>();
  stanza->kind = kind;
  stanza->type = std::move(type);
  stanza->from = std::move(from);
  stanza->to = std::move(to);
  stanza->children = std::move(children);
  return stanza;
}
}  // namespace

StanzaPtr make_iq(std::string type, std::string id, Jid from, Jid to, std::string children) {
  auto stanza = server_made(Kind::iq, std::move(type), std::move(from), std::move(to), std::move(children));
  stanza->id = std::move(id);
  return stanza;
}

StanzaPtr make_message(std::string type, Jid from, Jid to, std::string children) {
  return server_made(Kind::message, std::move(type), std::move(from), std::move(to), std::move(children));
}

StanzaPtr make_presence(std::string type, Jid from, Jid to, std::string children) {
  return server_made(Kind::presence, std::move(type), std::move(from), std::move(to), std::move(children));
}

std::string stanza_id(std::uint64_t id, const Jid& by) {
  std::string out = "<stanza-id xmlns='urn:xmpp:sid:0' id='";
  out += std::to_string(id);
  out += "' by='";
  xml::append_escaped_attribute(out, by.bare());
  out += "'/>";
  return out;
}

void append_error(std::string& out, const StanzaError& error, Language language, std::string_view by) {
  xml::Writer writer(out);
  writer.open("error").attribute("type", name_of(error.type)).attribute_if("by", by);
  if (error.legacy_code != 0) writer.attribute("code", std::to_string(error.legacy_code));
  // First: Converse takes the first child for the condition.
  writer.open(error.condition, ns::stanza_errors).text(error.address).close();
  std::string_view text = error.text.in(language);
  if (!error.text_en.empty()) text = error.text_en;
  if (language == Language::french && !error.text_fr.empty()) text = error.text_fr;
  if (!text.empty()) {
    writer.open("text", ns::stanza_errors).attribute("xml:lang", tag_of(language)).text(text).close();
  }
  writer.raw(error.application).close();
}

StanzaPtr make_error(const Stanza& original, const StanzaError& error, Language language) {
  std::string children;
  append_error(children, error, language);
  auto reply = server_made(original.kind, "error", original.to ? *original.to : original.from.to_bare(), original.from,
                           std::move(children));
  reply->id = original.id;
  return reply;
}

}  // namespace valise::core
