#include "modules/avatars/pictures.hpp"

#include <algorithm>

#include "base/crypto.hpp"
#include "base/picture.hpp"
#include "core/namespaces.hpp"
#include "xml/writer.hpp"

namespace valise::modules::avatars {
namespace {

std::string lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? char(c - 'A' + 'a') : c; });
  return out;
}

bool is_hash(std::string_view text) {
  const auto bytes = crypto::hex_decode(text);
  return bytes && bytes->size() == crypto::digest_size(crypto::Hash::sha1);
}

std::string without_update(std::string_view children) {
  const auto document = xml::parse_element("<presence>" + std::string(children) + "</presence>", core::ns::client);
  std::string out;
  if (!document) return out;
  for (const auto child : document->root().children()) {
    if (!child.is_text() && !child.is("x", update_ns)) xml::append_tree(out, child, core::ns::client);
  }
  return out;
}

void append_update(std::string& out, std::string_view hash) {
  xml::Writer(out).open("x", update_ns).element("photo", {}, hash).close();
}

}  // namespace

std::string id_of(std::string_view metadata) {
  const auto document = xml::parse_element(metadata);
  if (!document || !document->root().is("metadata", metadata_node)) return {};
  for (const auto info : document->root().children()) {
    if (!info.is("info", metadata_node) || info.attribute("url")) continue;
    const auto id = info.attribute_or_empty("id");
    if (is_hash(id)) return lower(id);
  }
  return {};
}

std::string id_of_picture(std::string_view bytes) {
  return crypto::hex_encode(crypto::digest(crypto::Hash::sha1, bytes));
}

std::string data_payload(std::string_view bytes) {
  std::string out;
  xml::Writer(out).element("data", data_node, crypto::base64_encode(bytes));
  return out;
}

std::string metadata_payload(std::string_view bytes) {
  std::string out;
  xml::Writer writer(out);
  writer.open("metadata", metadata_node);
  if (!bytes.empty()) {
    writer.open("info").attribute("bytes", std::to_string(bytes.size())).attribute("id", id_of_picture(bytes));
    writer.attribute("type", picture_type(bytes)).close();
  }
  writer.close();
  return out;
}

std::string photo_of(std::string_view data, std::string_view id) {
  const auto document = xml::parse_element(data);
  if (!document || !document->root().is("data", data_node)) return {};
  const auto bytes = decode_wrapped_base64(document->root().text());
  if (!bytes || picture_type(*bytes).empty() || id_of_picture(*bytes) != id) return {};
  std::string out;
  xml::Writer writer(out);
  writer.open("PHOTO").element("TYPE", {}, picture_type(*bytes));
  writer.element("BINVAL", {}, crypto::base64_encode(*bytes)).close();
  return out;
}

bool says_none(const core::Stanza& presence) {
  const auto photo = presence.root().child("x", update_ns).child("photo", update_ns);
  return photo && photo.text().empty();
}

std::optional<std::string> with_hash(const core::Stanza& presence, std::string_view hash) {
  const auto update = presence.root().child("x", update_ns);
  const auto photo = update.child("photo", update_ns);
  const auto said = photo ? lower(photo.text()) : std::string();
  if (photo && (said.empty() || said == hash)) return std::nullopt;
  std::string children;
  presence.append_children(children);
  if (update) children = without_update(children);
  append_update(children, hash);
  return children;
}

std::string repeated_with_hash(std::string_view children, std::string_view hash) {
  auto out = without_update(children);
  append_update(out, hash);
  return out;
}

}  // namespace valise::modules::avatars
