#include "modules/omemo/encrypted.hpp"

#include <algorithm>
#include <charconv>
#include <vector>

#include "base/crypto.hpp"
#include "core/jid/jid.hpp"
#include "core/namespaces.hpp"
#include "modules/omemo/values.hpp"

namespace valise::modules::omemo {
namespace {
namespace ns = core::ns;

constexpr std::size_t max_key_text = 400;  // base64; the largest legal one has 288

// [1-9][0-9]{0,9}, at most 2^31 − 1.
bool parse_device_id(std::string_view text, std::uint32_t& out) {
  if (text.empty() || text.size() > 10 || text[0] == '0') return false;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), out);
  return parsed.ec == std::errc() && parsed.ptr == text.data() + text.size() && out <= 2'147'483'647;
}

bool parse_flag(std::string_view text, bool& out) {
  out = text == "true" || text == "1";
  return out || text == "false" || text == "0";
}

// What the keys of one header have in common while they are looked through.
struct HeaderState {
  std::vector<std::size_t>& key_hashes;
  std::vector<std::pair<std::size_t, std::uint32_t>>& ratchet_keys;  // hash of the key, device
  std::uint32_t device = 0;                                          // of the last key
};

const char* check_key(xml::Element key, Version version, const EnvelopeLimits& limits, Envelope& out,
                      std::size_t& ciphertext, HeaderState& state) {
  auto& device = state.device;
  device = 0;
  bool prekey = false;
  const std::string_view flag = version == Version::legacy ? "prekey" : "kex";
  const auto* document = key.document();
  const auto* attribute = key.attributes_begin();
  for (std::uint32_t i = 0; i < key.attribute_count(); ++i, ++attribute) {
    const auto name = document->view(attribute->name);
    const auto value = document->view(attribute->value);
    if (attribute->ns.length != 0) return "attribute of a key";
    if (name == "rid") {
      if (!parse_device_id(value, device)) return "rid";
    } else if (name == flag) {
      if (!parse_flag(value, prekey)) return "flag of a key";
    } else {
      return "attribute of a key";
    }
  }
  if (device == 0) return "rid";
  const auto text = key.single_text();
  if (!text || text->size() > max_key_text) return "key text";
  const auto encoded = trimmed(*text);
  const auto bytes = crypto::base64_decode(encoded);
  if (!bytes) return "base64 of a key";
  RatchetMessage message;
  if (const auto* why = parse_ratchet_message(*bytes, version, prekey, message)) return why;
  const bool plain_size = version == Version::legacy ? message.ciphertext == 32 || message.ciphertext == 48
                                                     : message.ciphertext == 48 || message.ciphertext == 64;
  if (!plain_size && !(version == Version::legacy && limits.wide_ratchet && message.ciphertext == 64)) {
    return "ratchet ciphertext";
  }
  if (ciphertext != 0 && ciphertext != message.ciphertext) return "keys of different sizes";
  ciphertext = message.ciphertext;
  if (message.prekey) {
    ++out.prekeys;
    if (out.identity_key.empty()) out.identity_key = message.identity_key;
    if (out.identity_key != message.identity_key) return "two identity keys";
  }
  ++out.keys;
  state.key_hashes.push_back(std::hash<std::string_view>()(encoded));
  state.ratchet_keys.emplace_back(std::hash<std::string_view>()(message.ratchet_key), device);
  return nullptr;
}

const char* check_iv(xml::Element iv) {
  if (iv.attribute_count() != 0) return "attribute of iv";
  const auto text = iv.single_text();
  if (!text || text->size() > 64) return "iv";
  const auto bytes = crypto::base64_decode(trimmed(*text));
  if (!bytes || bytes->size() != 12) return "iv";
  return bytes->find_first_not_of('\0') == std::string::npos ? "iv" : nullptr;
}

const char* check_payload(xml::Element payload, const EnvelopeLimits& limits, Envelope& out) {
  if (payload.attribute_count() != 0) return "attribute of payload";
  const auto text = payload.single_text();
  if (!text || text->size() > limits.payload / 3 * 4 + 16) return "payload";
  const auto bytes = crypto::base64_decode(trimmed(*text));
  if (!bytes || bytes->empty() || bytes->size() > limits.payload) return "payload";
  if (out.version == Version::omemo_2 && bytes->size() % 16 != 0) return "payload";
  out.payload_bytes = static_cast<std::uint32_t>(bytes->size());
  return looks_like_plaintext(*bytes) ? "payload is no ciphertext" : nullptr;
}

template <class T>
bool has_twins(std::vector<T>& list) {
  std::ranges::sort(list);
  return std::ranges::adjacent_find(list) != list.end();
}

// docs/sealed.md 3.7-7: key texts distinct; one ratchet key under one rid.
const char* check_distinct(HeaderState& state) {
  if (has_twins(state.key_hashes)) return "same key twice";
  std::ranges::sort(state.ratchet_keys);
  for (std::size_t i = 1; i < state.ratchet_keys.size(); ++i) {
    const auto& [key, device] = state.ratchet_keys[i];
    if (key == state.ratchet_keys[i - 1].first && device != state.ratchet_keys[i - 1].second) {
      return "one ratchet key for two devices";
    }
  }
  return nullptr;
}

struct HeaderResult {
  std::size_t ciphertext = 0;
};

const char* check_legacy_header(xml::Element header, const EnvelopeLimits& limits, Envelope& out, HeaderResult& result,
                                HeaderState& state) {
  bool iv_seen = false;
  for (const auto child : header.children()) {
    if (child.is_text()) continue;
    if (child.is("key", ns::omemo_legacy)) {
      if (out.keys >= limits.keys) return "too many keys";
      if (const auto* why = check_key(child, Version::legacy, limits, out, result.ciphertext, state)) return why;
    } else if (child.is("iv", ns::omemo_legacy) && !iv_seen) {
      iv_seen = true;
      if (const auto* why = check_iv(child)) return why;
    } else {
      return "child of header";
    }
  }
  return iv_seen ? nullptr : "no iv";
}

const char* check_keys_group(xml::Element group, const EnvelopeLimits& limits, const Parties& parties, Envelope& out,
                             HeaderResult& result, HeaderState& state, std::vector<std::string_view>& jids) {
  const auto jid = group.attribute("jid");
  if (!jid || group.attribute_count() != 1) return "jid of keys";
  const auto parsed = core::Jid::parse(*jid);
  if (!parsed || !parsed->is_bare() || parsed->full() != *jid) return "jid of keys";
  if (!parties.from.empty() && *jid != parties.from && *jid != parties.to) return "keys for somebody else";
  jids.push_back(*jid);
  if (group.has_visible_text()) return "text";
  const auto before = out.keys;
  std::vector<std::uint32_t> devices;
  for (const auto child : group.children()) {
    if (child.is_text()) continue;
    if (!child.is("key", ns::omemo_2)) return "child of keys";
    if (out.keys >= limits.keys) return "too many keys";
    if (const auto* why = check_key(child, Version::omemo_2, limits, out, result.ciphertext, state)) return why;
    devices.push_back(state.device);
  }
  if (out.keys == before) return "no keys";
  return has_twins(devices) ? "one device twice" : nullptr;
}

const char* check_header(xml::Element header, const EnvelopeLimits& limits, const Parties& parties, Envelope& out,
                         HeaderResult& result) {
  const auto sid = header.attribute("sid");
  if (!sid || header.attribute_count() != 1 || !parse_device_id(*sid, out.sender_device)) return "sid";
  if (header.has_visible_text()) return "text";
  static thread_local std::vector<std::size_t> key_hashes;
  static thread_local std::vector<std::pair<std::size_t, std::uint32_t>> ratchet_keys;
  key_hashes.clear();
  ratchet_keys.clear();
  HeaderState state{key_hashes, ratchet_keys};
  if (out.version == Version::legacy) {
    if (const auto* why = check_legacy_header(header, limits, out, result, state)) return why;
  } else {
    std::vector<std::string_view> jids;
    for (const auto child : header.children()) {
      if (child.is_text()) continue;
      if (!child.is("keys", ns::omemo_2)) return "child of header";
      if (const auto* why = check_keys_group(child, limits, parties, out, result, state, jids)) return why;
    }
    if (has_twins(jids)) return "one jid twice";
  }
  if (out.keys == 0) return "no keys";
  return check_distinct(state);
}

bool is_base64_character(unsigned char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' || c == '/' || c == '=';
}

bool is_utf8(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    const auto lead = static_cast<unsigned char>(text[i]);
    const std::size_t length = lead < 0x80                   ? 1
                               : lead >= 0xc2 && lead < 0xe0 ? 2
                               : lead >= 0xe0 && lead < 0xf0 ? 3
                               : lead >= 0xf0 && lead < 0xf5 ? 4
                                                             : 0;
    if (length == 0 || i + length > text.size()) return false;
    for (std::size_t k = 1; k < length; ++k) {
      if ((static_cast<unsigned char>(text[i + k]) & 0xc0) != 0x80) return false;
    }
    i += length;
  }
  return true;
}

bool has_file_magic(std::string_view payload) {
  static constexpr std::string_view magics[] = {
      {"\x89PNG\r\n\x1a\n", 8},  {"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", 8}, {"!<arch>\n", 8},
      {"SQLite format 3\0", 16}, {"\0\0\0\x0cJXL \r\n\x87\n", 12},        {"\0\0\0\x0cjP  \r\n\x87\n", 12}};
  return std::ranges::any_of(magics, [&](auto magic) { return payload.starts_with(magic); });
}

}  // namespace

bool looks_like_plaintext(std::string_view payload) {
  const auto all = [&](auto test) {
    return std::ranges::all_of(payload, [&](char c) { return test(static_cast<unsigned char>(c)); });
  };
  if (payload.size() >= 24 && is_printable(payload)) return true;
  if (payload.size() >= 20 && all(is_base64_character)) return true;
  if (payload.size() >= 48 && is_utf8(payload)) return true;
  return has_file_magic(payload);
}

Parties parties_of(const core::Stanza& stanza) {
  if (stanza.type == "groupchat") return {};
  return {stanza.from.bare(), stanza.to ? stanza.to->bare() : stanza.from.bare()};
}

const char* check_envelope(xml::Element element, const EnvelopeLimits& limits, const Parties& parties, Envelope& out) {
  out = {};
  out.version = element.ns() == ns::omemo_2 ? Version::omemo_2 : Version::legacy;
  if (element.attribute_count() != 0) return "attribute of encrypted";
  if (element.has_visible_text()) return "text";
  xml::Element header;
  xml::Element payload;
  for (const auto child : element.children()) {
    if (child.is_text()) continue;
    if (child.is("header", element.ns()) && !header && !payload) {
      header = child;
    } else if (child.is("payload", element.ns()) && header && !payload) {
      payload = child;
    } else {
      return "child of encrypted";
    }
  }
  if (!header) return "no header";
  HeaderResult result;
  if (const auto* why = check_header(header, limits, parties, out, result)) return why;
  out.has_payload = static_cast<bool>(payload);
  if (!payload) {
    if (out.keys > limits.keys_without_payload) return "too many keys";
    const bool fits =
        out.version == Version::legacy ? result.ciphertext == 32 || result.ciphertext == 48 : result.ciphertext == 48;
    return fits ? nullptr : "ratchet ciphertext";
  }
  // docs/sealed.md 3.7-6: a payload goes with key and tag in the ratchet.
  const std::size_t expected = out.version == Version::legacy ? 48 : 64;
  const bool wide = out.version == Version::legacy && limits.wide_ratchet && result.ciphertext == 64;
  if (result.ciphertext != expected && !wide) return "ratchet ciphertext";
  return check_payload(payload, limits, out);
}

}  // namespace valise::modules::omemo
