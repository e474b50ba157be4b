#include "modules/csi/urgency.hpp"

#include "core/namespaces.hpp"

namespace valise::modules::csi {
namespace {
namespace ns = core::ns;

constexpr std::string_view chat_states = "http://jabber.org/protocol/chatstates";
constexpr std::string_view carbons = "urn:xmpp:carbons:2";
constexpr std::string_view forward = "urn:xmpp:forward:0";
constexpr std::string_view muc_user = "http://jabber.org/protocol/muc#user";

// RFC 6121 §4: who is there, and how. A room's status codes (XEP-0045 §7) say more than that.
bool is_availability(const core::Stanza& presence, xml::Element root, const core::Jid& client) {
  if (!presence.type.empty() && presence.type != "unavailable") return false;
  if (presence.from.full() == client.full()) return false;  // the answer to what the client has just said
  const auto room = root.child("x", muc_user);
  return !room || !room.child("status", muc_user);
}

// A chat state and what clients put beside one.
bool is_aside(xml::Element child) {
  return child.ns() == chat_states || child.ns() == ns::hints || child.ns() == ns::stanza_ids ||
         child.ns() == ns::delay || child.is("thread", ns::client);
}

bool is_chat_state(xml::Element message) {
  bool state = false;
  for (const auto child : message.children()) {
    if (child.is_text()) continue;
    if (!is_aside(child)) return false;
    state = state || child.ns() == chat_states;
  }
  return state;
}

// What a carbon (XEP-0280) carries.
xml::Element carried(xml::Element message) {
  for (const auto* how : {"received", "sent"}) {
    const auto carbon = message.child(how, carbons);
    if (carbon) return carbon.child("forwarded", forward).child("message", ns::client);
  }
  return {};
}

// An event about items (XEP-0060 §7.1.2.1): from whom, which node, which of them. What it says of them is the newest.
std::string items_of(const core::Stanza& message, xml::Element root) {
  const auto event = root.child("event", ns::pubsub_event);
  if (!event || root.child("body", ns::client)) return {};
  const auto items = event.first_element();
  if (!items.is("items", ns::pubsub_event)) return {};
  std::string about = "event\n";
  about += message.from.full();
  about += '\n';
  about += items.attribute_or_empty("node");
  for (const auto item : items.children()) {
    if (item.is_text()) continue;
    about += '\n';
    about += item.attribute_or_empty("id");
  }
  return about;
}

Judgement judge_message(const core::Stanza& message, xml::Element root) {
  if (message.is_error()) return {};
  const auto inner = carried(root);
  const bool error = inner && inner.attribute_or_empty("type") == "error";
  if (!error && is_chat_state(inner ? inner : root)) return {Urgency::means_nothing, {}};
  auto about = items_of(message, root);
  if (about.empty()) return {};
  return {Urgency::waits, std::move(about)};
}

}  // namespace

Judgement judge(const core::Stanza& stanza, const core::Jid& client) {
  if (stanza.kind == core::Kind::iq) return {};
  // What hooks took away made it no more urgent.
  auto document = stanza.document;
  if (!document) {
    std::string children;
    stanza.append_children(children);
    document = xml::parse_element("<stanza>" + children + "</stanza>");
    if (!document) return {};
  }
  const auto root = document->root();
  if (stanza.kind == core::Kind::message) return judge_message(stanza, root);
  if (!is_availability(stanza, root, client)) return {};
  return {Urgency::waits, "presence\n" + stanza.from.str()};
}

}  // namespace valise::modules::csi
