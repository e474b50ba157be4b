// docs/sealed.md 3.5: presence says that somebody is there, and how; it has no place for prose.
#include <algorithm>
#include <utility>

#include "base/crypto.hpp"
#include "core/namespaces.hpp"
#include "modules/omemo/allow_list.hpp"
#include "modules/omemo/values.hpp"
#include "xml/writer.hpp"

namespace valise::modules::omemo {
namespace {
namespace ns = core::ns;

constexpr std::string_view vcard_update = "vcard-temp:x:update";
constexpr std::string_view idle = "urn:xmpp:idle:1";
constexpr std::string_view preauth = "urn:xmpp:pars:0";
constexpr std::string_view nickname = "http://jabber.org/protocol/nick";

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
  writer.open("x", vcard_update);
  if (const auto photo = update.child("photo", vcard_update)) {
    const auto text = photo.text();
    const auto hash = crypto::hex_decode(text);
    writer.element("photo", {}, hash && hash->size() == 20 ? std::string_view(text) : std::string_view());
  }
  writer.close();
}

}  // namespace

std::string rebuild_presence(const core::Stanza& presence) {
  std::string out;
  const auto root = presence.root();
  const auto show = root.child("show", ns::client).text();
  for (const auto* known : {"away", "chat", "dnd", "xa"}) {
    if (show == known) xml::Writer(out).element("show", {}, show);
  }
  const auto priority = root.child("priority", ns::client).text();
  if (is_priority(priority)) xml::Writer(out).element("priority", {}, priority);
  if (const auto caps = root.child("c", ns::caps)) append_caps(out, caps);
  if (const auto since = root.child("idle", idle).attribute("since"); since && is_date(*since)) {
    xml::Writer(out).open("idle", idle).attribute("since", *since).close();
  }
  // XEP-0256: the number; its text would be a status.
  if (const auto seconds = root.child("query", ns_last).attribute_or_empty("seconds");
      presence.type.empty() && is_number(seconds, 10)) {
    xml::Writer(out).open("query", ns_last).attribute("seconds", seconds).close();
  }
  if (const auto update = root.child("x", vcard_update)) append_vcard_update(out, update);
  if (const auto nick = root.child("nick", nickname);
      nick && presence.type == "subscribe" && nick.text().size() <= 64) {
    xml::Writer(out).element("nick", nickname, nick.text());
  }
  // XEP-0379 §3.4: a token and no more.
  if (const auto token = root.child("preauth", preauth).attribute_or_empty("token");
      presence.type == "subscribe" && is_plain_token(token, 64)) {
    xml::Writer(out).open("preauth", preauth).attribute("token", token).close();
  }
  return out;
}

}  // namespace valise::modules::omemo
