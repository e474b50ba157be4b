#include "modules/omemo/elements.hpp"

#include "core/namespaces.hpp"
#include "modules/omemo/calls.hpp"
#include "modules/omemo/table/opened.hpp"
#include "modules/omemo/values.hpp"
#include "xml/writer.hpp"

namespace valise::modules::omemo {
namespace {
namespace ns = core::ns;

constexpr std::string_view reply_ns = "urn:xmpp:reply:0";
constexpr std::string_view retract_0 = "urn:xmpp:message-retract:0";
constexpr std::string_view retract_1 = "urn:xmpp:message-retract:1";

// A reply names who wrote what it quotes: one of the two, or an occupant of the room.
bool is_author(std::string_view text, const core::Stanza& message) {
  const auto jid = core::Jid::parse(text);
  if (!jid) return false;
  const bool partner = (message.to && jid->same_bare(*message.to)) || jid->same_bare(message.from);
  return partner && (message.type == "groupchat" ? jid->resource().size() <= 128 : jid->is_bare());
}

bool may_hold(std::string_view name, std::string_view value, const core::Stanza& message) {
  if (name == "jid") return is_bare_address(value);
  if (name == "to") return is_author(value, message);
  if (name == "password") return is_token(value, 64);
  if (name == "continue") return is_boolean(value);
  if (name == "thread") return is_plain_token(value, 64);
  return !value.empty() && is_token(value);
}

// The row's attributes and nothing else. False if the one that gives it its meaning is missing or no token.
bool append_attributes(std::string& out, xml::Element element, const table::MessageRow& row,
                       const core::Stanza& message) {
  const auto first = row.attributes[0];
  if (!first.empty() && !may_hold(first, element.attribute_or_empty(first), message)) return false;
  xml::Writer writer(out);
  writer.open(row.name, row.ns);
  for (const auto name : row.attributes) {
    if (name.empty()) break;
    const auto value = element.attribute(name);
    if (value && may_hold(name, *value, message)) writer.attribute(name, *value);
  }
  writer.close();
  return true;
}

// <x xmlns='…muc#user'><invite to/></x> and <decline to/>: the free-text reason is left out.
bool append_mediated_invitation(std::string& out, xml::Element element) {
  const auto first = element.first_element();
  if (first.ns() != element.ns() || (first.name() != "invite" && first.name() != "decline")) return false;
  const auto to = first.attribute_or_empty("to");
  if (!is_bare_address(to)) return false;
  xml::Writer(out).open("x", element.ns()).open(first.name()).attribute("to", to).close().close();
  return true;
}

// Retraction 0.2 rides on message fastening: <apply-to xmlns='urn:xmpp:fasten:0' id><retract/></apply-to>.
bool append_fastened_retraction(std::string& out, xml::Element element) {
  const auto id = element.attribute_or_empty("id");
  if (id.empty() || !is_token(id)) return false;
  const auto inner = element.first_element();
  if (!inner.is("retract", retract_0) || !is_empty_element(inner) || element.has_visible_text()) return false;
  xml::Writer(out).open("apply-to", element.ns()).attribute("id", id).element("retract", retract_0).close();
  return true;
}

// XEP-0428 beside a payload: which part of the (sealed) body is a quote. Numbers only.
bool append_fallback(std::string& out, xml::Element element, bool of_reply) {
  const auto for_ns = element.attribute_or_empty("for");
  if (of_reply ? for_ns != reply_ns : for_ns != ns::omemo_2 && for_ns != retract_1) return false;
  xml::Writer writer(out);
  writer.open("fallback", element.ns()).attribute("for", for_ns);
  for (const auto* name : {"body", "subject"}) {
    const auto range = element.child(name, element.ns());
    if (!range) continue;
    writer.open(name);
    for (const auto* edge : {"start", "end"}) {
      const auto value = range.attribute_or_empty(edge);
      if (is_number(value, 7)) writer.attribute(edge, value);
    }
    writer.close();
  }
  writer.close();
  return true;
}

bool append_thread(std::string& out, xml::Element element) {
  const auto text = element.single_text();
  if (!text || !is_plain_token(*text, 64)) return false;
  xml::Writer(out).element("thread", {}, *text);
  return true;
}

}  // namespace

bool append_as(std::string& out, xml::Element element, const table::MessageRow& row, const core::Stanza& message) {
  using table::Form;
  switch (row.form) {
    case Form::empty:
      return is_empty_element(element) && append_attributes(out, element, row, message);
    case Form::direct_invitation:  // its reason is left out
      return append_attributes(out, element, row, message);
    case Form::thread:
      return append_thread(out, element);
    case Form::reply_fallback:
      return append_fallback(out, element, true);
    case Form::fallback:
      return append_fallback(out, element, false);
    case Form::mediated_invitation:
      return append_mediated_invitation(out, element);
    case Form::fastened_retraction:
      return append_fastened_retraction(out, element);
    case Form::call:
      return append_call(out, element);
    case Form::reactions:
      return table::append_reactions(out, element);
    case Form::subject:
      return table::append_subject(out, element);
    case Form::link:
      return table::append_link(out, element);
    case Form::location:
      return table::append_location(out, element);
    case Form::nickname:
      return table::append_nickname(out, element);
    case Form::markup:
      return table::append_markup(out, element);
    case Form::label:  // which one it is was found out where it came in: modules/labels
      if (!message.label) return false;
      out += message.label->xml;
      return true;
    default:
      return false;  // no form of a message's element
  }
}

bool is_for_nobody(xml::Element encrypted) {
  const auto header = encrypted.child("header", encrypted.ns());
  if (!header) return false;
  for (const auto child : header.children()) {
    if (child.is("key", encrypted.ns()) || (child.is("keys", encrypted.ns()) && child.first_element())) return false;
  }
  return true;
}

}  // namespace valise::modules::omemo
