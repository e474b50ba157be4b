// OMEMO elements with correct framing and random content, each part of which a test may bend.
#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "base/crypto.hpp"
#include "core/stanza.hpp"
#include "modules/omemo/allow_list.hpp"
#include "modules/omemo/encrypted.hpp"
#include "modules/omemo/ratchet.hpp"
#include "xml/writer.hpp"

namespace valise::modules::omemo::samples {

inline constexpr std::string_view legacy_ns = "eu.siacs.conversations.axolotl";
inline constexpr std::string_view omemo2_ns = "urn:xmpp:omemo:2";

inline std::string noise(std::size_t size) {
  static std::mt19937 random(20'261'124);
  std::string out;
  while (out.size() < size) out += static_cast<char>(random());
  return out;
}

inline std::string varint(std::uint64_t value) {
  std::string out;
  for (; value >= 0x80; value >>= 7) out += static_cast<char>((value & 0x7f) | 0x80);
  return out + static_cast<char>(value);
}
inline std::string number(unsigned field, std::uint64_t value) { return static_cast<char>(field << 3) + varint(value); }
inline std::string bytes(unsigned field, std::string_view value) {
  return static_cast<char>(field << 3 | 2) + varint(value.size()) + std::string(value);
}
inline std::string point() { return "\x05" + noise(32); }

// What stands in a ratchet message; a test changes one thing.
struct Signal {
  std::string version = "\x33";
  std::string key = bytes(1, point());
  std::string counter = number(2, 7);
  std::string previous = number(3, 0);
  std::string ciphertext = bytes(4, noise(48));
  std::string more;
  std::string mac = noise(8);
  std::string text() const { return version + key + counter + previous + ciphertext + more + mac; }
};

struct PreKeySignal {
  std::string version = "\x33";
  std::string prekey_id = number(1, 42);
  std::string base = bytes(2, point());
  std::string identity = bytes(3, point());
  std::string message = bytes(4, Signal().text());
  std::string registration = number(5, 1234);
  std::string signed_id = number(6, 1);
  std::string more;
  std::string text() const { return version + prekey_id + base + identity + message + registration + signed_id + more; }
};

struct Message2 {
  std::string n = number(1, 7);
  std::string pn = number(2, 0);
  std::string dh = bytes(3, noise(32));
  std::string ciphertext = bytes(4, noise(64));
  std::string mac = bytes(1, noise(16));
  std::string more;
  std::string text() const { return mac + bytes(2, n + pn + dh + ciphertext) + more; }
};

struct Exchange2 {
  std::string prekey_id = number(1, 42);
  std::string signed_id = number(2, 1);
  std::string identity = bytes(3, noise(32));
  std::string ephemeral = bytes(4, noise(32));
  std::string message = bytes(5, Message2().text());
  std::string more;
  std::string text() const { return prekey_id + signed_id + identity + ephemeral + message + more; }
};

inline std::string b64(std::string_view text) { return crypto::base64_encode(text); }
inline std::string key(std::string_view rid, std::string_view content, std::string_view attributes = {}) {
  return "<key rid='" + std::string(rid) + "'" + std::string(attributes) + ">" + b64(content) + "</key>";
}

// A legacy element by its parts.
struct Legacy {
  std::string attributes;
  std::string header_attributes = " sid='27183'";
  std::string before_keys;
  std::string keys = key("31415", Signal().text());
  std::string iv = "<iv>" + b64(noise(12)) + "</iv>";
  std::string after_header;
  std::string payload = "<payload>" + b64(noise(30)) + "</payload>";
  std::string after_payload;
  std::string text() const {
    return "<encrypted xmlns='" + std::string(legacy_ns) + "'" + attributes + "><header" + header_attributes + ">" +
           before_keys + keys + iv + "</header>" + after_header + payload + after_payload + "</encrypted>";
  }
};

struct Second {
  std::string attributes;
  std::string header_attributes = " sid='27183'";
  std::string groups = "<keys jid='juliet@a.example'>" + key("31415", Message2().text()) + "</keys>";
  std::string payload = "<payload>" + b64(noise(176)) + "</payload>";
  std::string text() const {
    return "<encrypted xmlns='" + std::string(omemo2_ns) + "'" + attributes + "><header" + header_attributes + ">" +
           groups + "</header>" + payload + "</encrypted>";
  }
};

// What check_envelope says of `element`; "" for a valid one.
inline std::string verdict(std::string_view element, const EnvelopeLimits& limits = {}) {
  const auto document = xml::parse_element(element);
  if (!document) return "not well-formed";
  Envelope out;
  const auto* why = check_envelope(document->root(), limits, {}, out);
  return why == nullptr ? "" : why;
}

inline core::StanzaPtr stanza_of(std::string_view xml) {
  auto document = xml::parse_element(xml);
  if (!document) return {};
  auto made = core::make_stanza(std::move(document));
  if (!made || !*made) return {};
  (*made)->from = *core::Jid::parse("romeo@a.example/orchard");
  return *made;
}

inline core::StanzaPtr message_of(std::string_view children, std::string_view type = "chat") {
  return stanza_of("<message to='juliet@a.example' id='m1' type='" + std::string(type) + "'>" + std::string(children) +
                   "</message>");
}

inline Rebuilt rebuilt(std::string_view children, std::string_view type = "chat") {
  return rebuild_message(*message_of(children, type));
}

// The reason of a refusal, or what the children become.
inline std::string outcome(std::string_view children, std::string_view type = "chat") {
  const auto result = rebuilt(children, type);
  return result.refused ? "refused " + std::string(code_of(*result.refused)) : result.children;
}

}  // namespace valise::modules::omemo::samples
