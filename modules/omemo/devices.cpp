#include "modules/omemo/devices.hpp"

#include <algorithm>
#include <charconv>

#include "base/crypto.hpp"
#include "base/trim.hpp"
#include "core/namespaces.hpp"
#include "modules/omemo/ratchet.hpp"
#include "modules/omemo/values.hpp"

namespace valise::modules::omemo {
namespace {
namespace ns = core::ns;

// 0: none. check_envelope has found it well-formed.
std::uint32_t device_in(xml::Element element, std::string_view attribute) {
  const auto text = element.attribute_or_empty(attribute);
  std::uint32_t device = 0;
  std::from_chars(text.data(), text.data() + text.size(), device);
  return device;
}

// Calls visit(key, jid) for each key of the header until it says true; jid is empty in a legacy one.
template <class Visit>
bool any_key(xml::Element header, Visit visit) {
  for (const auto child : header.children()) {
    if (child.is("key", ns::omemo_legacy)) {
      if (visit(child, std::string_view())) return true;
    } else if (child.is("keys", ns::omemo_2)) {
      const auto jid = child.attribute_or_empty("jid");
      for (const auto key : child.children()) {
        if (key.is("key", ns::omemo_2) && visit(key, jid)) return true;
      }
    }
  }
  return false;
}

std::optional<omemo_keys::Key> identity_in(xml::Element key, OmemoVersion version) {
  const auto text = key.single_text();
  const auto bytes = text ? crypto::base64_decode(trimmed(*text)) : std::nullopt;
  const bool legacy = version == OmemoVersion::legacy;
  RatchetMessage message;
  if (!bytes || parse_ratchet_message(*bytes, legacy ? Version::legacy : Version::omemo_2, true, message) != nullptr) {
    return std::nullopt;
  }
  return omemo_keys::key_of(legacy ? message.identity_key.substr(1) : message.identity_key);
}

bool names(std::span<const std::uint32_t> list, std::uint32_t device) {
  return std::ranges::find(list, device) != list.end();
}

}  // namespace

bool is_encrypted(xml::Element element) {
  return element.name() == "encrypted" && (element.ns() == ns::omemo_legacy || element.ns() == ns::omemo_2);
}

Claims claims_of(const core::Stanza& stanza) {
  // Of most messages no key begins a session, which was counted (of an iq it was not).
  const bool may_begin = stanza.kind != core::Kind::message || stanza.seal.prekeys != 0;
  Claims claims;
  for (const auto child : stanza.root().children()) {
    if (child.is_text() || !is_encrypted(child) || claims.count == claims.list.size()) continue;
    const bool legacy = child.ns() == ns::omemo_legacy;
    const auto header = child.child("header", child.ns());
    Claim claim{.version = legacy ? OmemoVersion::legacy : OmemoVersion::omemo_2,
                .device = device_in(header, "sid"),
                .identity = {}};
    bool empty = true;
    // One of them is enough: check_envelope saw to it that all of a header have one identity key.
    any_key(header, [&](xml::Element key, std::string_view) {
      empty = false;
      if (!may_begin) return true;
      const auto flag = key.attribute_or_empty(legacy ? "prekey" : "kex");
      if (flag == "true" || flag == "1") claim.identity = identity_in(key, claim.version);
      return claim.identity.has_value();
    });
    if (!empty) claims.list[claims.count++] = claim;  // one without any key was left out
  }
  return claims;
}

bool is_for_device_of(const core::Stanza& stanza, std::string_view recipient, std::span<const std::uint32_t> legacy,
                      std::span<const std::uint32_t> omemo_2) {
  for (const auto child : stanza.root().children()) {
    if (child.is_text() || !is_encrypted(child)) continue;
    const auto list = child.ns() == ns::omemo_legacy ? legacy : omemo_2;
    const bool found = any_key(child.child("header", child.ns()), [&](xml::Element key, std::string_view jid) {
      return (jid.empty() || jid == recipient) && names(list, device_in(key, "rid"));
    });
    if (found) return true;
  }
  return false;
}

}  // namespace valise::modules::omemo
