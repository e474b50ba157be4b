// docs/sealed.md 3.5: presence says that somebody is there, and how; it has no place for prose.
#include <algorithm>
#include <utility>

#include "base/crypto.hpp"
#include "core/namespaces.hpp"
#include "modules/omemo/allow_list.hpp"
#include "modules/omemo/table/opened.hpp"
#include "modules/omemo/table/table.hpp"
#include "modules/omemo/values.hpp"
#include "xml/writer.hpp"

namespace valise::modules::omemo {
namespace {
namespace ns = core::ns;

// RFC 6121 §4.7.2.3; whether it is in range is for modules/presence to say.
bool is_priority(std::string_view text) { return is_number(text.starts_with('-') ? text.substr(1) : text, 3); }

// XEP-0115 §5.1, XEP-0300: the bytes of a hash.
std::size_t size_of(std::string_view hash) {
  static constexpr std::pair<std::string_view, std::size_t> sizes[] = {
      {"md5", 16}, {"sha-1", 20}, {"sha-224", 28}, {"sha-256", 32}, {"sha-384", 48}, {"sha-512", 64}};
  const auto* found = std::ranges::find(sizes, hash, &std::pair<std::string_view, std::size_t>::first);
  return found == std::end(sizes) ? 0 : found->second;
}

// XEP-0115: the name of a hash, a node URI, the hash.
void append_caps(std::string& out, xml::Element caps) {
  const auto hash = caps.attribute_or_empty("hash");
  const auto node = caps.attribute_or_empty("node");
  const auto ver = caps.attribute_or_empty("ver");
  const auto digest = crypto::base64_decode(ver);
  if (!is_token(node) || !digest || digest->empty() || digest->size() != size_of(hash) || is_printable(*digest)) return;
  xml::Writer(out).open("c", ns::caps).attribute("hash", hash).attribute("node", node).attribute("ver", ver).close();
}

// XEP-0153: the SHA-1 of the picture, nothing for "none", no <photo/> for "not yet known".
void append_vcard_update(std::string& out, xml::Element update) {
  xml::Writer writer(out);
  writer.open("x", update.ns());
  if (const auto photo = update.child("photo", update.ns())) {
    const auto text = photo.text();
    const auto hash = crypto::hex_decode(text);
    writer.element("photo", {}, hash && hash->size() == 20 ? std::string_view(text) : std::string_view());
  }
  writer.close();
}

void append_show(std::string& out, xml::Element element) {
  const auto show = element.text();
  for (const auto* known : {"away", "chat", "dnd", "xa"}) {
    if (show == known) xml::Writer(out).element("show", {}, show);
  }
}

// The element, with one attribute of that form.
void append_with(std::string& out, xml::Element element, std::string_view name, bool is_right) {
  if (is_right) {
    xml::Writer(out).open(element.name(), element.ns()).attribute(name, element.attribute_or_empty(name)).close();
  }
}

void append_as(std::string& out, xml::Element element, table::Form form, const core::Stanza& presence) {
  using table::Form;
  const bool asks = presence.type == "subscribe";
  switch (form) {
    case Form::show:
      return append_show(out, element);
    case Form::priority:
      if (const auto priority = element.text(); is_priority(priority)) {
        xml::Writer(out).element("priority", {}, priority);
      }
      return;
    case Form::caps:
      return append_caps(out, element);
    case Form::idle:
      return append_with(out, element, "since", is_date(element.attribute_or_empty("since")));
    case Form::last_seen:  // XEP-0256: the number; its text would be a status.
      return append_with(out, element, "seconds",
                         presence.type.empty() && is_number(element.attribute_or_empty("seconds"), 10));
    case Form::vcard_update:
      return append_vcard_update(out, element);
    case Form::nickname:
      if (const auto nick = element.text(); asks && nick.size() <= 64) {
        xml::Writer(out).element("nick", element.ns(), nick);
      }
      return;
    case Form::invitation_token:  // XEP-0379 §3.4: a token and no more.
      return append_with(out, element, "token", asks && is_plain_token(element.attribute_or_empty("token"), 64));
    case Form::status:
      if (presence.type.empty() || presence.type == "unavailable") (void)table::append_status(out, element);
      return;
    default:
      return;  // no form of a presence's element
  }
}

}  // namespace

std::string rebuild_presence(const core::Stanza& presence, core::Switches switches) {
  std::string out;
  const auto root = presence.root();
  for (const auto& row : table::rows(table::Path::presence)) {
    if (!table::passes(row, switches)) continue;
    if (const auto element = root.child(row.name, row.ns)) append_as(out, element, row.form, presence);
  }
  return out;
}

}  // namespace valise::modules::omemo
