#include "modules/carbons/eligible.hpp"

#include <algorithm>
#include <array>

#include "core/namespaces.hpp"

namespace valise::modules::carbons {
namespace {
namespace ns = core::ns;

constexpr std::string_view muc_user = "http://jabber.org/protocol/muc#user";

// "Payload elements typically used in IM": what is copied under any type but groupchat.
constexpr std::array<std::string_view, 8> im_spaces{
    "urn:xmpp:receipts",          "http://jabber.org/protocol/chatstates",
    "urn:xmpp:chat-markers:0",    ns::jingle_message,
    "urn:xmpp:message-retract:1", "urn:xmpp:message-retract:0",
    "urn:xmpp:fasten:0",          "urn:xmpp:reactions:0"};

bool is_payload(xml::Element child) { return std::ranges::find(im_spaces, child.ns()) != im_spaces.end(); }

// docs/sealed.md D10: what is sealed stands for a body.
bool is_content(xml::Element child) {
  return child.is("body", ns::client) ||
         (child.name() == "encrypted" && (child.ns() == ns::omemo_legacy || child.ns() == ns::omemo_2));
}

bool is_mediated_invitation(xml::Element child) {
  return child.is("x", muc_user) && static_cast<bool>(child.child("invite", muc_user));
}

}  // namespace

bool is_eligible(const core::Stanza& message, Direction direction, bool from_person) {
  if (!message.document || message.type == "groupchat" || message.type == "error") return false;
  bool content = false;
  bool payload = false;
  bool invitation = false;
  bool of_a_room = false;
  for (const auto child : message.root().children()) {
    if (child.is_text()) continue;
    if (child.is("private", ns_carbons) || child.is("no-copy", ns::hints)) return false;  // §9, XEP-0334 §4.3
    content = content || is_content(child);
    payload = payload || is_payload(child);
    invitation = invitation || child.is("x", "jabber:x:conference") || is_mediated_invitation(child);
    of_a_room = of_a_room || child.is("x", muc_user);
  }
  if (invitation) return true;
  // The room sends a private message to each of the account's occupants itself. A person who marks his message so
  // hides it from nobody.
  if (direction == Direction::received && of_a_room && !from_person && !message.from.is_bare()) return false;
  if (message.type == "chat" || payload) return true;
  return content && message.type != "headline";
}

}  // namespace valise::modules::carbons
