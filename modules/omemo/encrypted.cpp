#include "modules/omemo/encrypted.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <vector>

#include "base/base64.hpp"
#include "base/trim.hpp"
#include "core/jid/jid.hpp"
#include "core/namespaces.hpp"
#include "modules/omemo/assigned.hpp"
#include "modules/omemo/values.hpp"

namespace valise::modules::omemo {
namespace {
namespace ns = core::ns;

constexpr std::size_t max_key_text = 400;     // base64; the largest legal one has 288
constexpr std::size_t payload_piece = 1'024;  // base64 characters that are decoded at a time

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
  std::vector<std::uint64_t>& key_hashes;
  std::vector<std::pair<std::uint64_t, std::uint32_t>>& ratchet_keys;  // the key's last bytes, device
  std::uint32_t device = 0;                                            // of the last key
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
  std::array<char, max_key_text / 4 * 3> decoded;
  const auto size = crypto::base64_decode(trimmed(*text), decoded);
  if (!size) return "base64 of a key";
  const std::string_view bytes(decoded.data(), *size);
  RatchetMessage message;
  if (const auto* why = parse_ratchet_message(bytes, version, prekey, message)) return why;
  const bool plain_size = version == Version::legacy ? message.ciphertext == 32 || message.ciphertext == 48
                                                     : message.ciphertext == 48 || message.ciphertext == 64;
  if (!plain_size && !(version == Version::legacy && limits.wide_ratchet && message.ciphertext == 64)) {
    return "ratchet ciphertext";
  }
  if (ciphertext != 0 && ciphertext != message.ciphertext) return "keys of different sizes";
  ciphertext = message.ciphertext;
  if (message.prekey) {
    ++out.prekeys;
    if (out.identity_key.empty()) out.identity_key = IdentityKey(message.identity_key);
    if (std::string_view(out.identity_key) != message.identity_key) return "two identity keys";
  }
  ++out.keys;
  state.key_hashes.push_back(keyed_hash(bytes));
  std::uint64_t ratchet_key;
  std::memcpy(&ratchet_key, message.ratchet_key.data() + message.ratchet_key.size() - sizeof ratchet_key,
              sizeof ratchet_key);
  state.ratchet_keys.emplace_back(ratchet_key, device);
  return nullptr;
}

const char* check_iv(xml::Element iv, Envelope& out) {
  if (iv.attribute_count() != 0) return "attribute of iv";
  const auto text = iv.single_text();
  if (!text || text->size() > 64) return "iv";
  std::array<char, 48> decoded;
  const auto size = crypto::base64_decode(trimmed(*text), decoded);
  if (!size || *size != out.iv.size()) return "iv";
  std::copy_n(decoded.begin(), out.iv.size(), out.iv.begin());
  return std::ranges::all_of(out.iv, [](char c) { return c == 0; }) ? "iv" : nullptr;
}

// 64 KiB are not decoded into one piece: what is asked of them needs no more than the last few bytes.
const char* check_payload(xml::Element payload, const EnvelopeLimits& limits, Envelope& out) {
  if (payload.attribute_count() != 0) return "attribute of payload";
  const auto text = payload.single_text();
  if (!text || text->size() > limits.payload / 3 * 4 + 16) return "payload";
  const auto encoded = trimmed(*text);
  Plausibility plausibility;
  std::array<char, payload_piece / 4 * 3> decoded;
  for (auto left = encoded; !left.empty();) {
    const auto piece = left.substr(0, payload_piece);
    left.remove_prefix(piece.size());
    const auto size = crypto::base64_decode(piece, decoded);
    if (!size || (!left.empty() && *size != decoded.size())) return "payload";  // padding stands at the end alone
    plausibility.feed({decoded.data(), *size});
  }
  if (plausibility.size() == 0 || plausibility.size() > limits.payload) return "payload";
  if (out.version == Version::omemo_2 && plausibility.size() % 16 != 0) return "payload";
  out.payload_bytes = static_cast<std::uint32_t>(plausibility.size());
  out.payload_hash = keyed_hash(encoded);
  return plausibility.is_text() ? "payload is no ciphertext" : nullptr;
}

template <class T>
bool has_twins(std::vector<T>& list) {
  std::ranges::sort(list);
  return std::ranges::adjacent_find(list) != list.end();
}

// docs/sealed.md 3.7-7: key texts distinct; one ratchet key under one rid. Of true ones no two end in the same 8 bytes.
const char* check_distinct(const HeaderState& state) {
  static thread_local Assigned assigned;
  assigned.begin(state.key_hashes.size());
  for (std::uint32_t number = 0; const auto hash : state.key_hashes) {
    if (!assigned.put(hash, ++number)) return "same key twice";
  }
  assigned.begin(state.ratchet_keys.size());
  for (const auto& [key, device] : state.ratchet_keys) {
    if (!assigned.put(key, device)) return "one ratchet key for two devices";
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
      if (const auto* why = check_iv(child, out)) return why;
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
  if (*jid != parties.from && *jid != parties.to) {  // these are canonical
    const auto parsed = core::Jid::parse(*jid);
    if (!parsed || !parsed->is_bare() || parsed->full() != *jid) return "jid of keys";
    if (!parties.from.empty()) return "keys for somebody else";
  }
  jids.push_back(*jid);
  if (group.has_visible_text()) return "text";
  const auto before = out.keys;
  static thread_local std::vector<std::uint32_t> devices;
  devices.clear();
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
  static thread_local std::vector<std::uint64_t> hashes_of[2];
  static thread_local std::vector<std::pair<std::uint64_t, std::uint32_t>> ratchet_keys;
  auto& key_hashes = hashes_of[out.version == Version::omemo_2 ? 1 : 0];
  key_hashes.clear();
  ratchet_keys.clear();
  HeaderState state{key_hashes, ratchet_keys};
  if (out.version == Version::legacy) {
    if (const auto* why = check_legacy_header(header, limits, out, result, state)) return why;
  } else {
    static thread_local std::vector<std::string_view> jids;
    jids.clear();
    for (const auto child : header.children()) {
      if (child.is_text()) continue;
      if (!child.is("keys", ns::omemo_2)) return "child of header";
      if (const auto* why = check_keys_group(child, limits, parties, out, result, state, jids)) return why;
    }
    if (has_twins(jids)) return "one jid twice";
  }
  if (out.keys == 0) return "no keys";
  if (const auto* why = check_distinct(state)) return why;
  out.key_hashes = key_hashes;
  return nullptr;
}

bool is_base64_character(unsigned char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' || c == '/' || c == '=';
}

bool has_file_magic(std::string_view payload) {
  static constexpr std::string_view magics[] = {
      {"\x89PNG\r\n\x1a\n", 8},  {"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", 8}, {"!<arch>\n", 8},
      {"SQLite format 3\0", 16}, {"\0\0\0\x0cJXL \r\n\x87\n", 12},        {"\0\0\0\x0cjP  \r\n\x87\n", 12}};
  return std::ranges::any_of(magics, [&](auto magic) { return payload.starts_with(magic); });
}

}  // namespace

void Plausibility::feed(std::string_view piece) {
  const auto all = [&](auto test) {
    return std::ranges::all_of(piece, [&](char c) { return test(static_cast<unsigned char>(c)); });
  };
  magic_ = magic_ || (size_ == 0 && has_file_magic(piece));
  printable_ = printable_ && all(is_printable_character);
  base64_ = base64_ && all(is_base64_character);
  utf8_ = utf8_ && all([this](unsigned char c) { return goes_on(c); });
  size_ += piece.size();
}

// UTF-8 as far as bytes tell: a lead, and as many that follow as it says.
bool Plausibility::goes_on(unsigned char c) {
  if (missing_ != 0) {
    --missing_;
    return (c & 0xc0) == 0x80;
  }
  if (c < 0x80) return true;
  if (c < 0xc2 || c > 0xf4) return false;
  missing_ = c < 0xe0 ? 1 : c < 0xf0 ? 2 : 3;
  return true;
}

bool Plausibility::is_text() const {
  return magic_ || (size_ >= 24 && printable_) || (size_ >= 20 && base64_) || (size_ >= 48 && utf8_ && missing_ == 0);
}

bool looks_like_plaintext(std::string_view payload) {
  Plausibility plausibility;
  plausibility.feed(payload);
  return plausibility.is_text();
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
