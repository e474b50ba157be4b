// docs/sealed.md 3.5: what one person's client may ask another's, and what the answer may hold.
#include <algorithm>
#include <span>

#include "core/namespaces.hpp"
#include "modules/omemo/allow_list.hpp"
#include "modules/omemo/encrypted.hpp"
#include "modules/omemo/values.hpp"

namespace valise::modules::omemo {
namespace {
namespace ns = core::ns;

constexpr std::string_view readable[] = {ns::disco_info, ns::disco_items, ns::ping, "jabber:iq:version", "jabber:iq:last",
                                         "urn:xmpp:time", "vcard-temp", ns::pubsub};
constexpr std::size_t longest_value = 256;  // node names, among others

bool is_any_of(std::string_view text, std::span<const std::string_view> list) {
  return std::ranges::find(list, text) != list.end();
}

// A question needs names and numbers, no sentence: every attribute, and every text, is one short word.
bool holds_words_only(const xml::Document& document, xml::Element top) {
  for (auto i = top.index(); i < document.node(top.index()).end; ++i) {
    const xml::Element node(&document, i);
    if (node.is_text()) {
      if (node.text().find_first_not_of(" \t\r\n") != std::string::npos && !is_token(node.text(), longest_value)) return false;
      continue;
    }
    const auto* attribute = node.attributes_begin();
    for (std::uint32_t a = 0; a < node.attribute_count(); ++a, ++attribute) {
      const auto value = document.view(attribute->value);
      const bool address = document.view(attribute->name) == "jid" && core::Jid::parse(value);
      if (!address && !is_token(value, longest_value)) return false;
    }
  }
  return true;
}

}  // namespace

bool may_pass_request(const core::Stanza& iq) {
  const auto payload = iq.payload();
  if (payload.is("encrypted", ns::omemo_2)) {
    Envelope envelope;
    return check_envelope(payload, {}, envelope) == nullptr;
  }
  if (!is_token(iq.id) || iq.root().has_visible_text() || !holds_words_only(*iq.document, payload)) return false;
  if (iq.type == "get") return is_any_of(payload.ns(), readable) && !payload.has_visible_text();
  if (payload.ns() != ns::pubsub) return false;
  const auto verb = payload.first_element();  // no publishing into somebody else's nodes
  return verb.name() == "subscribe" || verb.name() == "unsubscribe" || verb.name() == "options";
}

bool may_pass_answer(const core::Stanza& iq) {
  const auto payload = iq.payload();
  if (!is_token(iq.id)) return false;
  if (iq.type == "error") return true;
  if (iq.root().has_visible_text()) return false;
  if (!payload) return true;
  if (payload.is("encrypted", ns::omemo_2)) return may_pass_request(iq);
  return is_any_of(payload.ns(), readable);
}

}  // namespace valise::modules::omemo
