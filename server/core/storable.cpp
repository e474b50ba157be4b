#include "core/storable.hpp"

#include <algorithm>
#include <array>

#include "core/namespaces.hpp"

namespace valise::core {
namespace {

bool has_payload(xml::Element message) {
  for (const auto space : {ns::omemo_legacy, ns::omemo_2}) {
    const auto encrypted = message.child("encrypted", space);
    if (encrypted && encrypted.child("payload", space)) return true;
  }
  return false;
}

// What means nothing once it is late, or nothing alone.
bool is_fleeting(xml::Element child) {
  static constexpr std::array<std::string_view, 8> spaces{"http://jabber.org/protocol/chatstates",
                                                          "urn:xmpp:receipts",
                                                          "urn:xmpp:chat-markers:0",
                                                          ns::hints,
                                                          ns::stanza_ids,
                                                          "urn:xmpp:eme:0",
                                                          "urn:xmpp:rtt:0",
                                                          ns::delay};
  if (std::ranges::find(spaces, child.ns()) != spaces.end()) return true;
  if (child.is("thread", ns::client)) return true;
  return child.name() == "encrypted" && (child.ns() == ns::omemo_legacy || child.ns() == ns::omemo_2);
}

Storable judge_store(xml::Element message) {
  if (message.child("no-store", ns::hints)) return {false, "no-store"};
  if (message.child("store", ns::hints)) return {true, "store"};
  if (has_payload(message)) return {true, "sealed"};
  if (message.child("body", ns::client)) return {true, "body"};
  for (const auto node : message.children()) {
    if (!node.is_text() && !is_fleeting(node)) return {true, "content"};
  }
  return {false, "fleeting"};
}

Storable judge(xml::Element message) {
  auto storable = judge_store(message);
  storable.for_good = storable.store && !message.child("no-permanent-store", ns::hints);  // XEP-0334 §3
  return storable;
}

bool is_call(xml::Element message) {
  return message.child("propose", ns::jingle_message) || message.child("invite", ns::call_message);
}

// What hooks rewrote is looked at as it goes on.
template <class Test>
bool holds(const Stanza& message, Test test) {
  if (!message.rewritten && message.document) return test(message.root());
  const auto rewritten = xml::parse_element("<message>" + message.children + "</message>");
  return rewritten && test(rewritten->root());
}

}  // namespace

Storable storable(const Stanza& message) {
  if (message.type == "groupchat" || message.type == "headline" || message.type == "error") return {false, "type"};
  if (message.document) {
    const auto as_it_came = judge(message.root());
    if (!as_it_came.store || !message.rewritten) return as_it_came;              // hooks only take away
    if (message.seal.has_payload) return {true, "sealed", as_it_came.for_good};  // modules/omemo has just read it
  }
  // What hooks rewrote is judged by what goes on.
  const auto rewritten = xml::parse_element("<message>" + message.children + "</message>");
  auto storable = rewritten ? judge(rewritten->root()) : Storable{false, "empty"};
  if (message.document) storable.for_good = storable.for_good && judge(message.root()).for_good;
  return storable;
}

bool tells_of(const Stanza& message, const Storable& storable) {
  if (!storable.store) return false;
  return message.seal.has_payload || holds(message, [](xml::Element root) {
           return has_payload(root) || root.child("body", ns::client) || is_call(root);
         });
}

bool begins_call(const Stanza& message) { return holds(message, &is_call); }

}  // namespace valise::core
