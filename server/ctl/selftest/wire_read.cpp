// What the server gives back is read as strictly as clients should: whatever it left out or altered is named.
#include <charconv>
#include <optional>

#include "base/crypto.hpp"
#include "selftest/wire.hpp"

namespace valise::ctl::selftest {
namespace {

constexpr std::string_view pubsub = "http://jabber.org/protocol/pubsub";
constexpr std::string_view envelopes = "urn:xmpp:sce:1";
constexpr std::size_t most_devices = 64, most_prekeys = 300, most_keys = 64;
constexpr std::size_t longest_key = 400, longest_payload = 100'000;  // characters of base64

std::unexpected<Trouble> not_as_published(const std::string& what) {
  return trouble("altered", what,
                 "the server took it and gives something else back: report it, with what your policy changes");
}

std::optional<std::uint32_t> number_in(std::string_view text) {
  std::uint32_t number = 0;
  const auto* end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, number);
  if (text.empty() || error != std::errc() || at != end || number > 2'147'483'647) return {};
  return number;
}

std::optional<std::string> bytes_in(Element element, std::size_t longest) {
  const auto text = element.text();
  if (!element || text.size() > longest) return {};
  return crypto::base64_decode(text);
}

// <iq><pubsub><items><item>…: the first item's payload.
Element payload_of(Element iq) {
  return iq.child("pubsub", pubsub).child("items", pubsub).child("item", pubsub).first();
}

// The names of a bundle's parts.
struct Names {
  const char *signed_prekey, *signed_prekey_id, *signature, *identity_key, *prekey, *prekey_id;
};
constexpr Names legacy_names{"signedPreKeyPublic", "signedPreKeyId", "signedPreKeySignature",
                             "identityKey",        "preKeyPublic",   "preKeyId"};
constexpr Names names_2{"spk", "id", "spks", "ik", "pk", "id"};

Outcome<std::vector<PreKey>> read_prekeys(Element prekeys, const Names& names, std::string_view ns) {
  std::vector<PreKey> out;
  for (auto at = prekeys.first(); at; at = at.next()) {
    const auto id = number_in(at.attribute(names.prekey_id));
    auto key = bytes_in(at, longest_key);
    if (!at.is(names.prekey, ns) || !id || !key || out.size() == most_prekeys) {
      return not_as_published("a prekey of the bundle cannot be read");
    }
    out.push_back({*id, std::move(*key)});
  }
  if (out.empty()) return not_as_published("the bundle has no prekeys");
  return out;
}

Outcome<> read_keys(Version version, Element group, const std::string& jid, std::vector<SealedKey>& out) {
  for (auto at = group.first(); at; at = at.next()) {
    if (!at.is("key", namespace_of(version))) continue;
    const auto flag = at.attribute(version == Version::legacy ? "prekey" : "kex");
    const auto device = number_in(at.attribute("rid"));
    auto bytes = bytes_in(at, longest_key);
    if (!device || !bytes || out.size() == most_keys) return not_as_published("a key of the message cannot be read");
    out.push_back({jid, *device, flag == "true" || flag == "1", std::move(*bytes)});
  }
  return {};
}

}  // namespace

Outcome<std::vector<std::uint32_t>> read_device_list(Version version, Element iq) {
  const auto ns = namespace_of(version);
  const auto list = payload_of(iq);
  if (!list.is(version == Version::legacy ? "list" : "devices", ns)) {
    return not_as_published("there is no device list in the answer");
  }
  std::vector<std::uint32_t> devices;
  for (auto at = list.first(); at; at = at.next()) {
    const auto id = number_in(at.attribute("id"));
    if (!at.is("device", ns) || !id || devices.size() == most_devices) {
      return not_as_published("a device of the list cannot be read");
    }
    devices.push_back(*id);
  }
  return devices;
}

Outcome<Bundle> read_bundle(Version version, Element iq) {
  const auto ns = namespace_of(version);
  const auto& names = version == Version::legacy ? legacy_names : names_2;
  const auto element = payload_of(iq);
  if (!element.is("bundle", ns)) return not_as_published("there is no bundle in the answer");
  const auto signed_prekey = element.child(names.signed_prekey, ns);
  const auto id = number_in(signed_prekey.attribute(names.signed_prekey_id));
  auto key = bytes_in(signed_prekey, longest_key);
  auto signature = bytes_in(element.child(names.signature, ns), longest_key);
  auto identity = bytes_in(element.child(names.identity_key, ns), longest_key);
  if (!id || !key || !signature || !identity) return not_as_published("a key of the bundle cannot be read");
  auto prekeys = read_prekeys(element.child("prekeys", ns), names, ns);
  if (!prekeys) return std::unexpected(prekeys.error());
  return Bundle{std::move(*identity), *id, std::move(*key), std::move(*signature), std::move(*prekeys)};
}

Outcome<Sealed> read_message(Version version, Element message) {
  const auto ns = namespace_of(version);
  const auto encrypted = message.child("encrypted", ns);
  const auto header = encrypted.child("header", ns);
  const auto sender = number_in(header.attribute("sid"));
  auto payload = bytes_in(encrypted.child("payload", ns), longest_payload);
  if (!sender || !payload) return not_as_published("the message's sealed element cannot be read");
  Sealed sealed{.sender = *sender, .keys = {}, .iv = {}, .payload = std::move(*payload)};
  if (version == Version::legacy) {
    auto iv = bytes_in(header.child("iv", ns), longest_key);
    if (!iv) return not_as_published("the message's iv cannot be read");
    sealed.iv = std::move(*iv);
    if (auto read = read_keys(version, header, {}, sealed.keys); !read) return std::unexpected(read.error());
    return sealed;
  }
  for (auto at = header.first(); at; at = at.next()) {
    if (!at.is("keys", ns)) continue;
    if (auto read = read_keys(version, at, std::string(at.attribute("jid")), sealed.keys); !read) {
      return std::unexpected(read.error());
    }
  }
  return sealed;
}

Outcome<std::string> read_content(Version version, const std::string& content, const std::string& from,
                                  const std::string& to, xmpp_ctx_t* context) {
  if (version == Version::legacy) return content;
  const auto stanza = parsed(context, content);
  const Element envelope(stanza);
  // XEP-0420 §4: whoever reads checks that the affixes are those of the message.
  if (!envelope.is("envelope", envelopes) || envelope.child("from", envelopes).attribute("jid") != from ||
      envelope.child("to", envelopes).attribute("jid") != to) {
    return not_as_published("the envelope in the message is another one");
  }
  return envelope.child("content", envelopes).child("body", "jabber:client").text();
}

}  // namespace valise::ctl::selftest
