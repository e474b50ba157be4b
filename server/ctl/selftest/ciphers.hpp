// Ciphers of OpenSSL in the forms that OMEMO needs.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace valise::ctl::selftest {

enum class Direction : int { decrypt = 0, encrypt = 1 };

// AES of the key's size (16, 24 or 32 bytes) with an iv of 16; CBC with PKCS#7 padding, CTR without any. Nothing: a
// size does not fit, or the padding is wrong.
[[nodiscard]] std::optional<std::string> aes_cbc(Direction direction, std::string_view key, std::string_view iv,
                                                 std::string_view text);
[[nodiscard]] std::optional<std::string> aes_ctr(Direction direction, std::string_view key, std::string_view iv,
                                                 std::string_view text);

struct Tagged {
  std::string ciphertext;
  std::string tag;  // 16 bytes
};

// AES-128-GCM with an iv of 12 bytes.
[[nodiscard]] std::optional<Tagged> seal_gcm(std::string_view key, std::string_view iv, std::string_view text);
// Nothing: it was altered, or a size does not fit.
[[nodiscard]] std::optional<std::string> open_gcm(std::string_view key, std::string_view iv, const Tagged& sealed);

// RFC 5869 with SHA-256; at most 255 × 32 bytes.
[[nodiscard]] std::string hkdf(std::string_view key, std::string_view salt, std::string_view info, std::size_t length);

}  // namespace valise::ctl::selftest
