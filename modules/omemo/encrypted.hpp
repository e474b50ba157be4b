// Structural validation of one <encrypted/> of either OMEMO version (docs/sealed.md 3.7, points 1 to 7, 12 and 13). No
// cryptography: it makes lazy, broken and misconfigured clients fail closed. It cannot prove that a payload is
// ciphertext; two colluding clients can always hide text (the guide says so).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/stanza.hpp"
#include "modules/omemo/ratchet.hpp"
#include "xml/document.hpp"

namespace valise::modules::omemo {

struct Envelope {
  Version version = Version::legacy;
  std::uint32_t sender_device = 0;
  std::uint32_t keys = 0;
  std::uint32_t prekeys = 0;
  bool has_payload = false;
  std::uint32_t payload_bytes = 0;
  std::string identity_key;  // of the first prekey message: the sender's, raw bytes
};

struct EnvelopeLimits {
  std::uint32_t keys = 1'500;
  std::uint32_t keys_without_payload = 64;
  std::uint32_t payload = 65'536;  // bytes
  bool wide_ratchet = false;       // AES-256 era keys: 64 bytes of ratchet ciphertext
};

// The bare JIDs of a message between two people: omemo:2 names whose devices its keys are for, and nobody else's may be
// named (docs/sealed.md D6). Both empty: whoever it is.
struct Parties {
  std::string_view from, to;
};

// `element` is in one of the two namespaces. Null: valid, `out` is filled. Otherwise what is wrong, for the record.
[[nodiscard]] const char* check_envelope(xml::Element element, const EnvelopeLimits& limits, const Parties& parties,
                                         Envelope& out);

// Who writes to whom; nobody for a message to a room, whose members the server does not know.
[[nodiscard]] Parties parties_of(const core::Stanza& stanza);

// docs/sealed.md 3.7-12: what no honest cipher yields (each with false alarms below 1e-9).
[[nodiscard]] bool looks_like_plaintext(std::string_view payload);

}  // namespace valise::modules::omemo
