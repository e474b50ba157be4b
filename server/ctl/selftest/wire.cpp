#include "selftest/wire.hpp"

#include "base/crypto.hpp"
#include "xml/writer.hpp"

namespace valise::ctl::selftest {
namespace {

constexpr std::string_view pubsub = "http://jabber.org/protocol/pubsub";
constexpr std::string_view envelopes = "urn:xmpp:sce:1";

std::string base64(const std::string& bytes) { return crypto::base64_encode(bytes); }

std::string list_node(Version version) {
  return std::string(namespace_of(version)) + (version == Version::legacy ? ".devicelist" : ":devices");
}

std::string bundle_node(Version version, std::uint32_t device) {
  return version == Version::legacy ? std::string(namespace_of(version)) + ".bundles:" + std::to_string(device)
                                    : std::string(namespace_of(version)) + ":bundles";
}

// XEP-0384 0.3 §4.3.
std::string legacy_bundle(const Bundle& keys) {
  std::string out;
  xml::Writer writer(out);
  writer.open("bundle", namespace_of(Version::legacy));
  writer.open("signedPreKeyPublic").attribute("signedPreKeyId", std::to_string(keys.signed_prekey_id));
  writer.text(base64(keys.signed_prekey)).close();
  writer.element("signedPreKeySignature", {}, base64(keys.signature));
  writer.element("identityKey", {}, base64(keys.identity_key));
  writer.open("prekeys");
  for (const auto& [id, key] : keys.prekeys) {
    writer.open("preKeyPublic").attribute("preKeyId", std::to_string(id)).text(base64(key)).close();
  }
  writer.close_all();
  return out;
}

// XEP-0384 0.9 §5.3.2.
std::string bundle_2(const Bundle& keys) {
  std::string out;
  xml::Writer writer(out);
  writer.open("bundle", namespace_of(Version::omemo_2));
  writer.open("spk").attribute("id", std::to_string(keys.signed_prekey_id)).text(base64(keys.signed_prekey)).close();
  writer.element("spks", {}, base64(keys.signature));
  writer.element("ik", {}, base64(keys.identity_key));
  writer.open("prekeys");
  for (const auto& [id, key] : keys.prekeys) {
    writer.open("pk").attribute("id", std::to_string(id)).text(base64(key)).close();
  }
  writer.close_all();
  return out;
}

void append_option(xml::Writer& writer, std::string_view name, std::string_view value, std::string_view type = {}) {
  writer.open("field").attribute("var", name).attribute_if("type", type).element("value", {}, value).close();
}

void append_keys(xml::Writer& writer, Version version, const Sealed& sealed) {
  for (const auto& key : sealed.keys) {
    if (version == Version::omemo_2) writer.open("keys").attribute("jid", key.jid);
    writer.open("key").attribute("rid", std::to_string(key.device));
    writer.attribute_if(version == Version::legacy ? "prekey" : "kex", key.begins ? "true" : "");
    writer.text(base64(key.bytes)).close();
    if (version == Version::omemo_2) writer.close();
  }
  if (version == Version::legacy) writer.element("iv", {}, base64(sealed.iv));
}

}  // namespace

Publication device_list(Version version, std::uint32_t device) {
  std::string out;
  xml::Writer writer(out);
  writer.open(version == Version::legacy ? "list" : "devices", namespace_of(version));
  writer.open("device").attribute("id", std::to_string(device)).close_all();
  return {list_node(version), "current", std::move(out)};
}

Publication bundle(Version version, std::uint32_t device, const Bundle& keys) {
  if (version == Version::legacy) return {bundle_node(version, device), "current", legacy_bundle(keys)};
  return {bundle_node(version, device), std::to_string(device), bundle_2(keys), true};
}

std::string publish(const Publication& publication) {
  std::string out;
  xml::Writer writer(out);
  writer.open("pubsub", pubsub).open("publish").attribute("node", publication.node);
  writer.open("item").attribute("id", publication.item).raw(publication.payload).close().close();
  writer.open("publish-options").open("x", "jabber:x:data").attribute("type", "submit");
  append_option(writer, "FORM_TYPE", "http://jabber.org/protocol/pubsub#publish-options", "hidden");
  append_option(writer, "pubsub#access_model", "open");
  append_option(writer, "pubsub#persist_items", "true");
  if (publication.many_items) append_option(writer, "pubsub#max_items", "max");
  writer.close_all();
  return out;
}

std::string request_of(const Publication& publication) {
  std::string out;
  xml::Writer writer(out);
  writer.open("pubsub", pubsub).open("items").attribute("node", publication.node);
  if (publication.many_items) writer.open("item").attribute("id", publication.item).close();
  writer.close_all();
  return out;
}

std::string message(Version version, const std::string& to, const std::string& id, const Sealed& sealed) {
  const auto ns = namespace_of(version);
  std::string out;
  xml::Writer writer(out);
  writer.open("message").attribute("to", to).attribute("type", "chat").attribute("id", id);
  writer.open("encrypted", ns).open("header").attribute("sid", std::to_string(sealed.sender));
  append_keys(writer, version, sealed);
  writer.close().element("payload", {}, base64(sealed.payload)).close();
  // XEP-0420 §6: where all content is in an envelope there is no such sentence for other clients.
  if (version == Version::legacy) writer.element("body", {}, "This message is sealed with OMEMO.");
  writer.open("encryption", "urn:xmpp:eme:0").attribute("namespace", ns);
  writer.attribute("name", version == Version::legacy ? "OMEMO" : "OMEMO 2").close();
  writer.open("store", "urn:xmpp:hints").close();
  writer.open("origin-id", "urn:xmpp:sid:0").attribute("id", id).close();
  writer.close_all();
  return out;
}

std::string content(Version version, const std::string& from, const std::string& to, const std::string& text) {
  if (version == Version::legacy) return text;
  std::string out;
  xml::Writer writer(out);
  writer.open("envelope", envelopes).open("content").element("body", "jabber:client", text).close();
  // XEP-0420 §4: as long as chance will have it, 0 to 200 characters.
  std::string padding = crypto::random_hex(100);
  padding.resize(static_cast<unsigned char>(crypto::random_string(1)[0]) % (padding.size() + 1));
  writer.element("rpad", {}, padding);
  writer.open("from").attribute("jid", from).close();
  writer.open("to").attribute("jid", to).close();
  writer.close_all();
  return out;
}

}  // namespace valise::ctl::selftest
