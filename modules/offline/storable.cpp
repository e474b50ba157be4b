#include "modules/offline/storable.hpp"

#include <algorithm>
#include <array>

#include "core/namespaces.hpp"

namespace valise::modules::offline {
namespace {

namespace ns = core::ns;

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

}  // namespace

Storable storable(const core::Stanza& message) {
  if (message.type == "groupchat" || message.type == "headline" || message.type == "error") return {false, "type"};
  // A message that hooks rewrote is judged by what goes on, not by what came.
  const auto rewritten = !message.document || message.rewritten
                             ? xml::parse_element("<message>" + message.children + "</message>")
                             : xml::DocumentPtr();
  const auto root = rewritten ? rewritten->root() : message.root();
  if (!root) return {false, "empty"};
  if (root.child("no-store", ns::hints)) return {false, "no-store"};
  if (root.child("store", ns::hints)) return {true, "store"};
  if (message.seal.has_payload || has_payload(root)) return {true, "sealed"};
  if (root.child("body", ns::client)) return {true, "body"};
  for (const auto node : root.children()) {
    if (!node.is_text() && !is_fleeting(node)) return {true, "content"};
  }
  return {false, "fleeting"};
}

}  // namespace valise::modules::offline
