#include "modules/pep/allow_list.hpp"

#include <openssl/err.h>
#include <openssl/x509.h>

#include <algorithm>
#include <array>
#include <set>
#include <span>

#include "base/crypto.hpp"
#include "base/picture.hpp"
#include "core/jid/jid.hpp"
#include "core/namespaces.hpp"
#include "core/text.hpp"
#include "modules/omemo/table/opened.hpp"
#include "modules/omemo/table/table.hpp"
#include "modules/pep/nodes.hpp"
#include "xml/writer.hpp"

namespace valise::modules::pep {
namespace {

namespace table = omemo::table;
using table::Form;

using Outcome = std::expected<std::string, AllowFault>;
const auto bad_payload = std::unexpected(AllowFault::payload);
const auto bad_picture = std::unexpected(AllowFault::picture);

constexpr std::size_t max_item_id = 64;
constexpr std::size_t max_name = 128;
constexpr std::size_t max_nick = 64;
constexpr std::size_t max_avatar_bytes = 64 * 1024;
constexpr std::size_t max_conferences = 256;
constexpr std::size_t most_of_a_kind = 8;  // of what a card may have several of
constexpr std::string_view avatar_data = "urn:xmpp:avatar:data";
constexpr std::string_view avatar_metadata = "urn:xmpp:avatar:metadata";
constexpr std::string_view nickname = "http://jabber.org/protocol/nick";
constexpr std::string_view bookmarks = "urn:xmpp:bookmarks:1";
constexpr std::string_view old_bookmarks = "storage:bookmarks";
constexpr std::string_view pinning = "urn:xmpp:bookmarks-pinning:0";
constexpr std::string_view displayed = "urn:xmpp:mds:displayed:0";
constexpr std::string_view vcard_ns = "urn:ietf:params:xml:ns:vcard-4.0";

bool is_number(std::string_view text) noexcept {
  return !text.empty() && text.size() <= 10 && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

bool is_hex(std::string_view text, std::size_t size) noexcept {
  return text.size() == size && std::ranges::all_of(text, [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
         });
}

bool is_image_type(std::string_view type) noexcept {
  return type == "image/png" || type == "image/jpeg" || type == "image/webp";
}

Outcome allow_avatar_data(std::string_view item_id, xml::Element payload) {
  if (!payload.is("data", avatar_data) || payload.first_element()) return bad_payload;
  const auto bytes = decode_wrapped_base64(payload.text());
  if (!bytes || bytes->size() > max_avatar_bytes || whole_picture_type(*bytes).empty()) return bad_picture;
  // XEP-0084 §4.1: the item is named by the image's SHA-1.
  std::string wanted(item_id);
  std::ranges::transform(wanted, wanted.begin(), [](char c) { return c >= 'A' && c <= 'F' ? char(c - 'A' + 'a') : c; });
  if (wanted != crypto::hex_encode(crypto::digest(crypto::Hash::sha1, *bytes))) {
    return std::unexpected(AllowFault::item_id);
  }
  std::string out;
  xml::Writer(out).element("data", avatar_data, crypto::base64_encode(*bytes));
  return out;
}

Outcome allow_avatar_metadata(xml::Element payload) {
  if (!payload.is("metadata", avatar_metadata) || payload.has_visible_text()) return bad_payload;
  std::string out;
  xml::Writer writer(out);
  writer.open("metadata", avatar_metadata);
  std::size_t count = 0;
  bool elsewhere = false;
  for (const auto info : payload.children()) {
    // <pointer/> and others are left behind, and what is kept at an address elsewhere: asking for it would call home.
    if (!info.is("info", avatar_metadata)) continue;
    if (info.attribute("url")) {
      elsewhere = true;
      continue;
    }
    const auto bytes = info.attribute_or_empty("bytes");
    const auto id = info.attribute_or_empty("id");
    const auto type = info.attribute_or_empty("type");
    if (++count > 4 || !is_number(bytes) || !is_hex(id, 40) || !is_image_type(type)) return bad_payload;
    writer.open("info").attribute("bytes", bytes).attribute("id", id).attribute("type", type);
    for (const std::string_view side : {"width", "height"}) {
      if (const auto value = info.attribute_or_empty(side); is_number(value)) writer.attribute(side, value);
    }
    writer.close();
  }
  writer.close();
  if (elsewhere && count == 0) return bad_payload;  // it would say that there is no avatar
  return out;
}

Outcome allow_nick(xml::Element payload) {
  const auto text = payload.single_text();
  if (!payload.is("nick", nickname) || !text || text->size() > max_nick) return bad_payload;
  std::string out;
  xml::Writer(out).element("nick", nickname, *text);
  return out;
}

// What the two forms of bookmarks have in common (XEP-0402 §4, XEP-0048 §3.1).
bool write_conference(xml::Writer& writer, xml::Element conference) {
  const auto ns = conference.ns();
  const auto name = conference.attribute_or_empty("name");
  const auto autojoin = conference.attribute_or_empty("autojoin");
  const auto nick = conference.child("nick", ns).text();
  const auto password = conference.child("password", ns).text();
  if (name.size() > max_name || nick.size() > max_nick || password.size() > max_nick) return false;
  writer.attribute_if("name", name);
  if (autojoin == "true" || autojoin == "1") writer.attribute("autojoin", "true");
  if (!nick.empty()) writer.element("nick", {}, nick);
  if (!password.empty()) writer.element("password", {}, password);
  return true;
}

Outcome allow_bookmark(std::string_view item_id, xml::Element payload) {
  if (!payload.is("conference", bookmarks)) return bad_payload;
  const auto room = core::Jid::parse(item_id);
  if (!room || !room->is_bare()) return std::unexpected(AllowFault::item_id);
  std::string out;
  xml::Writer writer(out);
  writer.open("conference", bookmarks);
  if (!write_conference(writer, payload)) return bad_payload;
  if (payload.child("extensions", bookmarks).child("pinned", pinning)) {
    writer.open("extensions").element("pinned", pinning).close();
  }
  writer.close();
  return out;
}

Outcome allow_old_bookmarks(xml::Element payload) {
  if (!payload.is("storage", old_bookmarks)) return bad_payload;
  std::string out;
  xml::Writer writer(out);
  writer.open("storage", old_bookmarks);
  std::size_t count = 0;
  for (const auto conference : payload.children()) {
    if (!conference.is("conference", old_bookmarks)) continue;
    const auto room = core::Jid::parse(conference.attribute_or_empty("jid"));
    if (!room || !room->is_bare() || ++count > max_conferences) return bad_payload;
    writer.open("conference").attribute("jid", room->full());
    if (!write_conference(writer, conference)) return bad_payload;
    writer.close();
  }
  writer.close();
  return out;
}

Outcome allow_displayed(std::string_view item_id, xml::Element payload) {
  if (!payload.is("displayed", displayed)) return bad_payload;
  // XEP-0490 §4.1: a full address for what is said in private to somebody in a room.
  if (!core::Jid::parse(item_id)) return std::unexpected(AllowFault::item_id);
  const auto id = payload.child("stanza-id", core::ns::stanza_ids);
  const auto by = core::Jid::parse(id.attribute_or_empty("by"));
  const auto value = id.attribute_or_empty("id");
  if (!id || !by || value.empty() || !core::is_token(value, max_name)) return bad_payload;
  std::string out;
  xml::Writer writer(out);
  writer.open("displayed", displayed).open("stanza-id", core::ns::stanza_ids);
  writer.attribute("by", by->full()).attribute("id", value).close().close();
  return out;
}

// RFC 6351 §5: of its parameters only what kind of address or number it is, and which one comes first.
void append_vcard_parameters(xml::Writer& writer, xml::Element parameters) {
  constexpr std::array<std::string_view, 9> kinds{"work", "home",  "text",  "voice",    "fax",
                                                  "cell", "video", "pager", "textphone"};
  std::vector<std::string_view> types;
  for (const auto type : parameters.child("type", vcard_ns).children()) {
    const auto kind = type.is("text", vcard_ns) ? std::ranges::find(kinds, type.text()) : kinds.end();
    if (kind != kinds.end() && std::ranges::find(types, *kind) == types.end()) types.push_back(*kind);
  }
  const auto rank = parameters.child("pref", vcard_ns).child("integer", vcard_ns).text();
  const bool ranked = is_number(rank) && rank.size() <= 3;
  if (types.empty() && !ranked) return;
  writer.open("parameters");
  if (!types.empty()) {
    writer.open("type");
    for (const auto type : types) writer.element("text", {}, type);
    writer.close();
  }
  if (ranked) writer.open("pref").element("integer", {}, rank).close();
  writer.close();
}

// A field of RFC 6351 §5 with the values that it may have, each a text without markup. False: a value is too long.
bool append_vcard_field(std::string& out, xml::Element field, Form form) {
  constexpr std::array<std::string_view, 5> parts{"surname", "given", "additional", "prefix", "suffix"};
  constexpr std::array<std::string_view, 2> values{"text", "uri"};
  const std::span<const std::string_view> known =
      form == Form::name_parts ? std::span<const std::string_view>(parts) : std::span<const std::string_view>(values);
  std::string kept;
  xml::Writer writer(kept);
  writer.open(field.name());
  if (const auto parameters = field.child("parameters", vcard_ns)) append_vcard_parameters(writer, parameters);
  bool any = false;
  std::multiset<std::string_view> seen;
  for (const auto value : field.children()) {
    if (value.is_text() || value.ns() != vcard_ns || std::ranges::find(known, value.name()) == known.end()) continue;
    if (seen.count(value.name()) >= (form == Form::organisation ? most_of_a_kind : 1)) continue;
    seen.insert(value.name());
    const auto text = value.single_text();
    if (!text || text->size() > max_name) return false;
    writer.element(value.name(), {}, *text);
    any = true;
  }
  writer.close();
  if (any) out += kept;
  return true;
}

// The directory's fields, each once (numbers, addresses and organisations: eight) like those of the other card; free
// text (note, url …) and photos stay away.
Outcome allow_vcard(xml::Element payload) {
  if (!payload.is("vcard", vcard_ns)) return bad_payload;
  std::string kept;
  std::multiset<std::string_view> seen;
  for (const auto field : payload.children()) {
    if (field.is_text() || field.ns() != vcard_ns) continue;
    const auto& row = table::row_of(table::Path::card, field.name(), vcard_ns);
    if (!table::passes(row, {})) continue;
    const bool several = row.form == Form::organisation || row.form == Form::mail || row.form == Form::phone;
    if (seen.count(field.name()) >= (several ? most_of_a_kind : 1)) continue;
    seen.insert(field.name());
    if (!append_vcard_field(kept, field, row.form) || kept.size() > 4096) return bad_payload;
  }
  std::string out;
  xml::Writer(out).open("vcard", vcard_ns).raw(kept).close();
  return out;
}

// A whole certificate, and nothing behind it.
bool is_certificate(std::string_view bytes) {
  const auto* at = reinterpret_cast<const unsigned char*>(bytes.data());
  auto* certificate = d2i_X509(nullptr, &at, static_cast<long>(bytes.size()));
  if (certificate == nullptr) ERR_clear_error();
  const bool whole =
      certificate != nullptr && at == reinterpret_cast<const unsigned char*>(bytes.data() + bytes.size());
  X509_free(certificate);
  return whole;
}

Outcome allow_verification(xml::Element payload) {
  const auto ns = core::ns::omemo_legacy;
  if (!payload.is("verification", ns)) return bad_payload;
  const auto chain = payload.child("chain", ns);
  const auto signature = decode_wrapped_base64(payload.child("signature", ns).text());
  if (!chain || !signature || signature->empty() || signature->size() > 1024) return bad_payload;
  std::string out;
  xml::Writer writer(out);
  writer.open("verification", ns).open("chain");
  std::size_t count = 0;
  for (const auto certificate : chain.children()) {
    if (!certificate.is("certificate", ns)) continue;
    const auto index = certificate.attribute_or_empty("index");
    const auto bytes = decode_wrapped_base64(certificate.text());
    if (++count > 8 || !is_number(index) || !bytes || bytes->size() > 8192 || !is_certificate(*bytes)) {
      return bad_payload;
    }
    writer.open("certificate").attribute("index", index).text(crypto::base64_encode(*bytes)).close();
  }
  if (count == 0) return bad_payload;
  writer.close().element("signature", {}, crypto::base64_encode(*signature)).close();
  return out;
}

bool names_items_by_jid(std::string_view node) noexcept { return node == bookmarks || node == displayed; }

// What a switch has opened.
Outcome allow_opened(bool (*append)(std::string&, xml::Element), std::string_view ns, xml::Element payload) {
  std::string out;
  if (payload.ns() != ns || !append(out, payload)) return bad_payload;
  return out;
}

}  // namespace

core::Text describe(AllowFault fault) noexcept {
  switch (fault) {
    case AllowFault::node:
      return {"Not published: this server does not carry this kind of personal data.",
              "Publication refusée : ce serveur ne transporte pas ce type de données personnelles."};
    case AllowFault::item_id:
      return {"Not published: the entry's name is not acceptable here.",
              "Publication refusée : le nom de l’entrée n’est pas accepté ici."};
    case AllowFault::payload:
      return {"Not published: the content is too large or not what belongs there.",
              "Publication refusée : le contenu est trop volumineux ou n’a pas sa place ici."};
    case AllowFault::picture:
      return {
          "Not published: the picture has to be PNG, JPEG or WebP of at most 64 KiB, without remarks or camera data.",
          "Publication refusée : l’image doit être en PNG, JPEG ou WebP, de 64 Kio au plus, sans commentaires ni "
          "données d’appareil photo."};
  }
  return {};
}

std::string_view reason_of(AllowFault fault) noexcept {
  switch (fault) {
    case AllowFault::node:
      return "pep-node";
    case AllowFault::item_id:
      return "pep-item-id";
    case AllowFault::payload:
      return "pep-payload";
    case AllowFault::picture:
      return "pep-picture";
  }
  return "pep";
}

bool has_keys(std::string_view node) noexcept {
  const auto& row = table::row_of_node(node);
  const bool keys = row.form == Form::device_list || row.form == Form::bundle || row.form == Form::probe;
  return keys && table::passes(row, {});
}

bool is_allowed_node(std::string_view node, core::Switches switches) noexcept {
  const auto& row = table::row_of_node(node);
  const auto kind = classify(node).kind;
  return (kind == NodeKind::ordinary || kind == NodeKind::verification) && table::passes(row, switches);
}

bool is_allowed_item_id(std::string_view node, std::string_view item_id) {
  if (names_items_by_jid(node)) {
    const auto jid = core::Jid::parse(item_id);
    return jid && (jid->is_bare() || node == displayed);
  }
  return core::is_token(item_id, max_item_id);
}

Outcome allowed_payload(std::string_view node, std::string_view item_id, xml::Element payload,
                        core::Switches switches) {
  if (!is_allowed_node(node, switches)) return std::unexpected(AllowFault::node);
  if (!names_items_by_jid(node) && !is_allowed_item_id(node, item_id)) return std::unexpected(AllowFault::item_id);
  const auto& row = table::row_of_node(node);
  switch (row.form) {
    case Form::avatar_data:
      return allow_avatar_data(item_id, payload);
    case Form::avatar_metadata:
      return allow_avatar_metadata(payload);
    case Form::nickname:
      return allow_nick(payload);
    case Form::bookmark:
      return allow_bookmark(item_id, payload);
    case Form::old_bookmarks:
      return allow_old_bookmarks(payload);
    case Form::displayed:
      return allow_displayed(item_id, payload);
    case Form::card:
      return allow_vcard(payload);
    case Form::verification:
      return allow_verification(payload);
    case Form::mood:
      return allow_opened(&table::append_mood, row.ns, payload);
    case Form::activity:
      return allow_opened(&table::append_activity, row.ns, payload);
    case Form::tune:
      return allow_opened(&table::append_tune, row.ns, payload);
    case Form::location:
      return allow_opened(&table::append_location, row.ns, payload);
    default:
      return std::unexpected(AllowFault::node);  // no form of a published item
  }
}

}  // namespace valise::modules::pep
