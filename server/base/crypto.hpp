// Thin, checked wrappers over OpenSSL and the text encodings that the protocols use.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace valise::crypto {

enum class Hash : std::uint8_t { sha1, sha256, sha512 };

[[nodiscard]] std::size_t digest_size(Hash hash) noexcept;
// Raw digest bytes.
[[nodiscard]] std::string digest(Hash hash, std::string_view data);
[[nodiscard]] std::string hmac(Hash hash, std::string_view key, std::string_view data);
// RFC 8018 PBKDF2-HMAC; `length` bytes, 0 = digest_size.
[[nodiscard]] std::string pbkdf2(Hash hash, std::string_view password, std::string_view salt, unsigned iterations,
                                 std::size_t length = 0);
[[nodiscard]] std::array<unsigned char, 32> sha256(std::string_view data);

// Cryptographic randomness. Failure of the generator ends the process: nothing secure can go on without it.
void random_bytes(std::span<unsigned char> out);
[[nodiscard]] std::string random_string(std::size_t bytes);
// `bytes` random bytes as lower-case hexadecimal: stream ids, item ids, tokens.
[[nodiscard]] std::string random_hex(std::size_t bytes);

// Constant time in the content (not in the length).
[[nodiscard]] bool equal(std::string_view a, std::string_view b) noexcept;

[[nodiscard]] std::string base64_encode(std::string_view data);
// RFC 4648 §4, strict: standard alphabet, canonical padding, unused bits zero, nothing else.
[[nodiscard]] std::optional<std::string> base64_decode(std::string_view text);
[[nodiscard]] std::string hex_encode(std::string_view data);
[[nodiscard]] std::optional<std::string> hex_decode(std::string_view text);

// AES-256-GCM (NIST SP 800-38D) with a key of 32 and a nonce of 12 bytes that no other `text` has under that key. What
// is sealed is 16 bytes longer; opening what was altered, or under another key or nonce, gives nothing.
[[nodiscard]] std::string seal(std::string_view key, std::string_view nonce, std::string_view text);
[[nodiscard]] std::optional<std::string> open(std::string_view key, std::string_view nonce, std::string_view sealed);

// Overwrites a secret before its memory is given back.
void wipe(std::string& secret) noexcept;

}  // namespace valise::crypto
