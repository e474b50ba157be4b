// The rigid framing of ratchet messages (docs/sealed.md 3.7-5): what a server can really check of key material. Pure,
// no allocation, linear in the input.
#pragma once

#include <cstdint>
#include <string_view>

namespace valise::modules::omemo {

enum class Version : std::uint8_t { legacy, omemo_2 };

struct RatchetMessage {
  std::string_view ratchet_key;   // 33 bytes (legacy) or 32
  std::string_view identity_key;  // of the sender; only in a prekey message
  std::size_t ciphertext = 0;     // bytes
  bool prekey = false;
};

// Parses `bytes` whole. Null text: it is well framed and `out` is filled; otherwise what is wrong, for the log.
[[nodiscard]] const char* parse_ratchet_message(std::string_view bytes, Version version, bool prekey,
                                                RatchetMessage& out);

}  // namespace valise::modules::omemo
