#include "modules/vcard/card.hpp"

#include <algorithm>
#include <set>
#include <span>

#include "base/crypto.hpp"
#include "base/picture.hpp"
#include "modules/omemo/table/table.hpp"
#include "xml/writer.hpp"

namespace valise::modules::vcard {
namespace {

namespace table = omemo::table;

using Outcome = std::expected<std::string, CardFault>;  // a field as XML; empty: nothing is in it
using Names = std::span<const std::string_view>;

constexpr std::size_t most_of_a_kind = 8;  // addresses, numbers, organisations, units of one

constexpr std::string_view name_parts[] = {"FAMILY", "GIVEN", "MIDDLE", "PREFIX", "SUFFIX"};
constexpr std::string_view mail_kinds[] = {"HOME", "WORK", "INTERNET", "PREF", "X400"};
constexpr std::string_view phone_kinds[] = {"HOME",  "WORK", "VOICE", "FAX",  "PAGER", "MSG", "CELL",
                                            "VIDEO", "BBS",  "MODEM", "ISDN", "PCS",   "PREF"};

bool is_one_of(Names names, std::string_view name) { return std::ranges::find(names, name) != names.end(); }

// False: too long, or with markup.
bool append_value(std::string& out, xml::Element value) {
  const auto text = value.single_text();
  if (!text || text->size() > max_value) return false;
  if (!text->empty()) xml::Writer(out).element(value.name(), {}, *text);
  return true;
}

std::string wrapped(std::string_view name, std::string_view inner) {
  std::string out;
  if (!inner.empty()) xml::Writer(out).open(name).raw(inner).close();
  return out;
}

// Children with a value; `several`: of this one there may be more than one.
Outcome structured(xml::Element field, Names parts, std::string_view several = {}) {
  std::string inner;
  std::set<std::string_view> seen;
  std::size_t count = 0;
  for (const auto part : field.children()) {
    if (part.is_text() || part.ns() != ns_vcard || !is_one_of(parts, part.name())) continue;
    if (part.name() == several ? ++count > most_of_a_kind : !seen.insert(part.name()).second) continue;
    if (!append_value(inner, part)) return std::unexpected(CardFault::value);
  }
  return wrapped(field.name(), inner);
}

// XEP-0054 §6: the value in an element of its own, beside it empty ones that say of what kind it is.
Outcome typed(xml::Element field, Names kinds, std::string_view value_name) {
  const auto element = field.child(value_name, ns_vcard);
  std::string value;
  if (element && !append_value(value, element)) return std::unexpected(CardFault::value);
  if (value.empty()) return std::string();
  std::string inner;
  for (const auto kind : kinds) {
    if (field.child(kind, ns_vcard)) xml::Writer(inner).element(kind);
  }
  return wrapped(field.name(), inner + value);
}

// The type is what the bytes say. A picture somewhere else (EXTVAL) would call home: left out.
Outcome photo(xml::Element field) {
  const auto binary = field.child("BINVAL", ns_vcard);
  const auto bytes = decode_wrapped_base64(binary.text());
  if (bytes && bytes->empty()) return std::string();
  if (!bytes || bytes->size() > max_photo) return std::unexpected(CardFault::photo);
  const auto type = whole_picture_type(*bytes);
  if (type.empty()) return std::unexpected(CardFault::photo);
  std::string out;
  xml::Writer(out).open("PHOTO").element("TYPE", {}, type).element("BINVAL", {}, crypto::base64_encode(*bytes)).close();
  return out;
}

Outcome field_of(xml::Element field) {
  using table::Form;
  constexpr std::string_view organisation[] = {"ORGNAME", "ORGUNIT"};
  const auto& row = table::row_of(table::Path::card, field.name(), ns_vcard);
  switch (table::passes(row, {}) ? row.form : Form::none) {
    case Form::value: {
      std::string out;
      if (!append_value(out, field)) return std::unexpected(CardFault::value);
      return out;
    }
    case Form::name_parts:
      return structured(field, name_parts);
    case Form::organisation:
      return structured(field, organisation, "ORGUNIT");
    case Form::mail:
      return typed(field, mail_kinds, "USERID");
    case Form::phone:
      return typed(field, phone_kinds, "NUMBER");
    case Form::picture:
      return photo(field);
    default:
      return std::string();  // left out
  }
}

std::string card_of(std::string_view inner) {
  std::string out;
  if (!inner.empty()) xml::Writer(out).open("vCard", ns_vcard).raw(inner).close();
  return out;
}

}  // namespace

core::Text describe(CardFault fault) noexcept {
  switch (fault) {
    case CardFault::value:
      return {"Card not saved: a field is too long.", "Carte non enregistrée : un champ est trop long."};
    case CardFault::photo:
      return {
          "Card not saved: the picture has to be PNG, JPEG or WebP of at most 64 KiB, without remarks or camera data.",
          "Carte non enregistrée : l’image doit être en PNG, JPEG ou WebP, de 64 Kio au plus, sans commentaires ni "
          "données d’appareil photo."};
    case CardFault::size:
      return {"Card not saved: it is too large.", "Carte non enregistrée : elle est trop volumineuse."};
  }
  return {};
}

std::string_view reason_of(CardFault fault) noexcept {
  switch (fault) {
    case CardFault::value:
      return "vcard-value";
    case CardFault::photo:
      return "vcard-photo";
    case CardFault::size:
      return "vcard-size";
  }
  return "vcard";
}

std::expected<std::string, CardFault> allowed_card(xml::Element card) {
  constexpr std::string_view repeated[] = {"ORG", "EMAIL", "TEL"};
  std::string inner;
  std::size_t fields = 0;  // bytes, without the picture
  std::multiset<std::string_view> seen;
  for (const auto field : card.children()) {
    if (field.is_text() || field.ns() != ns_vcard) continue;
    const auto name = field.name();
    if (seen.count(name) >= (is_one_of(repeated, name) ? most_of_a_kind : 1)) continue;
    auto kept = field_of(field);
    if (!kept) return kept;
    if (kept->empty()) continue;
    seen.insert(name);
    if (name != "PHOTO" && (fields += kept->size()) > max_fields) return std::unexpected(CardFault::size);
    inner += *kept;
  }
  return card_of(inner);
}

Picture split_picture(std::string_view card) {
  Picture out;
  const auto document = card.empty() ? xml::DocumentPtr() : xml::parse_element(card);
  if (!document) return out;
  std::string inner;
  for (const auto field : document->root().children()) {
    if (!field.is("PHOTO", ns_vcard)) {
      if (!field.is_text()) xml::append_tree(inner, field, ns_vcard);
      continue;
    }
    out.there = out.there || field.first_element();
    const auto bytes = decode_wrapped_base64(field.child("BINVAL", ns_vcard).text());
    const bool sound = bytes && bytes->size() <= max_photo && !whole_picture_type(*bytes).empty();
    if (sound && out.bytes.empty()) out.bytes = *bytes;
  }
  out.card = card_of(inner);
  return out;
}

std::string with_photo(std::string_view card, std::string_view photo) {
  if (photo.empty()) return std::string(card);
  const auto document = card.empty() ? xml::DocumentPtr() : xml::parse_element(card);
  std::string inner;
  if (document) {
    for (const auto field : document->root().children()) {
      if (!field.is_text()) xml::append_tree(inner, field, ns_vcard);
    }
  }
  return card_of(inner.append(photo));
}

std::expected<std::string, CardFault> free_card(xml::Element card) {
  if (!card.first_element()) return std::string();
  std::string out;
  xml::append_tree(out, card, {});
  if (out.size() > max_free_card) return std::unexpected(CardFault::size);
  return out;
}

}  // namespace valise::modules::vcard
