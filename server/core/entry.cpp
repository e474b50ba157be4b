#include "core/entry.hpp"

#include <algorithm>
#include <utility>

#include "core/namespaces.hpp"
#include "xml/writer.hpp"

namespace valise::core {
namespace {

// Name and namespace; a name of "" is every name.
constexpr std::pair<std::string_view, std::string_view> servers_own[] = {
    {"stanza-id", ns::stanza_ids},
    {"delay", ns::delay},
    {"x", "jabber:x:delay"},
    {"occupant-id", "urn:xmpp:occupant-id:0"},
    {"", ns::pubsub_event},
    {"result", "urn:xmpp:mam:2"},
    {"fin", "urn:xmpp:mam:2"},
    {"sent", "urn:xmpp:carbons:2"},
    {"received", "urn:xmpp:carbons:2"},
    {"forwarded", "urn:xmpp:forward:0"},
    {"addresses", "http://jabber.org/protocol/address"},
};

bool is_servers_own(xml::Element element) {
  return std::ranges::any_of(servers_own, [&](const auto& one) {
    return element.ns() == one.second && (one.first.empty() || element.name() == one.first);
  });
}

}  // namespace

void remove_spoofed(Stanza& message) {
  if (message.kind != Kind::message) return;
  const auto root = message.root();
  bool found = false;
  for (const auto child : root.children()) found = found || is_servers_own(child);
  if (!found) return;
  std::string kept;
  for (const auto child : root.children()) {
    if (!is_servers_own(child)) xml::append_element(kept, child, ns::client);
  }
  message.rewrite(std::move(kept));
}

bool is_forged_push(const Stanza& iq, const Session& session) {
  return iq.payload().ns() == ns::roster && iq.to && !iq.to->is_bare() && !iq.to->same_bare(session.jid);
}

}  // namespace valise::core
