// The payload of a sealed message: the text under a key of its own, which goes to each device through the ratchet.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "selftest/version.hpp"

namespace valise::ctl::selftest {

struct Payload {
  std::string bytes;
  std::string iv;   // legacy only
  std::string key;  // what the ratchet carries: the key and what authenticates the bytes; 32 bytes, omemo:2: 48
};

// Errors: none that a peer can cause; nothing if OpenSSL fails.
[[nodiscard]] std::optional<Payload> seal_payload(Version version, std::string_view text);
// Nothing: it was altered, or is no payload of that version.
[[nodiscard]] std::optional<std::string> open_payload(Version version, const Payload& payload);

}  // namespace valise::ctl::selftest
