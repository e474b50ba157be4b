// One stanza on its way through the server (RFC 6120 §8). What must hold:
//  - written anew or passed on, below whatever parent, it is the same tree to this parser and to plain expat;
//  - what is sent on has the addresses, id, type and language that came, and the same children;
//  - no child that only a server may send survives remove_spoofed(), and every other does;
//  - an error goes back the way the stanza came, keeps its id, and echoes nothing (RFC 6120 §8.3.1).
// Input: 'switches', then the stanza.
#include <algorithm>
#include <utility>

#include "core/entry.hpp"
#include "core/namespaces.hpp"
#include "core/stanza.hpp"
#include "fuzz/check.hpp"
#include "plain_expat.hpp"
#include "recorder.hpp"
#include "xml/writer.hpp"

namespace {

using namespace valise;
using core::Jid;
using fuzz::check;
using xml::dump;
using xml::Element;

const Jid& alice() {
  static const Jid jid = *Jid::parse("alice@example.org/phone");
  return jid;
}

xml::DocumentPtr read_again(const std::string& written) {
  auto document = xml::parse_element(written);
  check(document && document->root(), "what was written can't be read");
  return document;
}

std::string children_of(Element element) {
  std::string out;
  for (const auto child : element.children()) dump(out, child);
  return out;
}

// `written` stands below an element of `parent_ns`.
void check_plain(const std::string& written, std::string_view parent_ns, const std::string& tree) {
  const auto whole = "<s xmlns='" + std::string(parent_ns) + "'>" + written + "</s>";
  check(plain::tree(whole, true) == tree, "plain expat reads another tree");
}

void check_writers(Element root) {
  const auto tree = dump(root);
  for (const std::string_view parent : {core::ns::client, std::string_view("urn:xmpp:forward:0")}) {
    std::string anew, passed;
    xml::append_tree(anew, root, parent);
    xml::append_element(passed, root, parent);
    check_plain(anew, parent, tree);
    check_plain(passed, parent, tree);
    const auto again = xml::parse_element(anew, parent);
    check(again && dump(again->root()) == tree, "the tree changes when it is written");
    std::string twice;
    xml::append_tree(twice, again->root(), parent);
    check(twice == anew, "a written tree is no fixed point");
  }
}

// As the router sends `stanza` on: `to` its address then, `children` the dump of its children.
void check_sent(const core::Stanza& stanza, const Jid* other_to, std::string_view extra, const std::string& children) {
  std::string written;
  stanza.append(written, other_to, extra);
  const auto document = read_again(written);
  const auto root = document->root();
  check(root.is(core::name_of(stanza.kind), core::ns::client), "another kind of stanza is sent");
  const auto to = other_to != nullptr ? std::string(other_to->full()) : stanza.to ? std::string(stanza.to->full()) : "";
  check(root.attribute_or_empty("from") == stanza.from.full() && root.attribute_or_empty("to") == to, "addresses");
  check(root.attribute_or_empty("id") == stanza.id && root.attribute_or_empty("type") == stanza.type, "id or type");
  check(root.attribute_or_empty(xml::xml_lang) == stanza.lang, "the language");
  check(root.attribute_count() <= 5, "an attribute of the client's is sent");
  check(children_of(root) == children, "the children change on the way");
  check_plain(written, core::ns::client, dump(root));

  auto again = core::make_stanza(document);
  check(again && *again, "what is sent is no stanza");
  (*again)->from = stanza.from;
  std::string twice;
  (*again)->append(twice);
  check(twice == written, "a sent stanza is no fixed point");
}

bool only_a_server_may_send(Element child) {
  constexpr std::pair<std::string_view, std::string_view> names[] = {
      {"stanza-id", "urn:xmpp:sid:0"},
      {"delay", "urn:xmpp:delay"},
      {"x", "jabber:x:delay"},
      {"result", "urn:xmpp:mam:2"},
      {"fin", "urn:xmpp:mam:2"},
      {"sent", "urn:xmpp:carbons:2"},
      {"received", "urn:xmpp:carbons:2"},
      {"forwarded", "urn:xmpp:forward:0"},
      {"occupant-id", "urn:xmpp:occupant-id:0"},
      {"addresses", "http://jabber.org/protocol/address"}};
  return child.ns() == core::ns::pubsub_event ||
         std::ranges::any_of(names, [&](const auto& one) { return child.is(one.first, one.second); });
}

void check_entry(core::Stanza& stanza) {
  core::remove_spoofed(stanza);
  std::string written, expected, kept;
  stanza.append(written);
  for (const auto child : stanza.root().children()) {
    const bool goes = stanza.kind == core::Kind::message && only_a_server_may_send(child);
    if (!child.is_text() && !goes) dump(expected, child);
  }
  const auto document = read_again(written);
  for (const auto child : document->root().children()) {
    if (!child.is_text()) dump(kept, child);
  }
  check(kept == expected, "entry removes too much or too little");
}

void check_error(const core::Stanza& stanza, const core::StanzaError& error, core::Language language) {
  const auto reply = core::make_error(stanza, error, language);
  check(reply->to && *reply->to == stanza.from, "the error goes to somebody else");
  check(reply->from == (stanza.to ? *stanza.to : stanza.from.to_bare()), "the error comes from somebody else");
  check(reply->id == stanza.id && reply->type == "error" && reply->kind == stanza.kind, "the error's frame");
  std::string written;
  reply->append(written);
  const auto document = read_again(written);
  const auto root = document->root();
  const auto child = root.first_element();
  check(child.is("error", core::ns::client) && root.text().empty(), "no <error/>");
  check(children_of(root) == dump(child), "an error holds more than <error/>");
  const auto condition = child.first_element();
  check(condition.is(error.condition, core::ns::stanza_errors), "the condition comes first");
  const auto text = child.child("text", core::ns::stanza_errors);
  check(text && text.attribute_or_empty(xml::xml_lang) == core::tag_of(language), "the text's language");
  check_plain(written, core::ns::client, dump(root));
  if (!error.text_en.empty()) check(text.text() == error.text_en, "the text changes on the way");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const unsigned switches = data[0];
  const auto document = xml::parse_element({reinterpret_cast<const char*>(data) + 1, size - 1});
  if (!document) return 0;
  const auto root = document->root();
  check_writers(root);

  const auto made = core::make_stanza(document);
  if (!made || !*made) return 0;
  auto& stanza = **made;
  stanza.from = alice();
  const auto children = children_of(root);
  check_sent(stanza, nullptr, "", children);
  const auto bob = alice().to_bare().with_resource(root.attribute_or_empty("id"));
  check_sent(stanza, bob ? &*bob : nullptr, "<stamp xmlns='urn:s'/>", children + "{urn:s}stamp()/");

  const auto language =
      core::language_of(stanza.lang, (switches & 1) != 0 ? core::Language::french : core::Language::english);
  check_error(stanza, (switches & 2) != 0 ? core::store_away : core::service_unavailable, language);
  const auto text = root.text();  // as a policy's own text
  check_error(stanza, {.condition = "not-acceptable", .text = {"no", "non"}, .text_fr = text, .text_en = text},
              language);
  check_entry(stanza);
  return 0;
}
