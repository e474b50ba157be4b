// The arithmetic that OMEMO key checks need, on OpenSSL alone: Curve25519 points, their Edwards form, and the two
// signature schemes. Keys and signatures are raw bytes; nothing here is secret.
#pragma once

#include <array>
#include <optional>
#include <string_view>

namespace valise::modules::omemo_keys {

inline constexpr std::size_t key_size = 32;
inline constexpr std::size_t signature_size = 64;
using Key = std::array<unsigned char, key_size>;

// The 32 bytes as a Key; nothing for another length.
[[nodiscard]] std::optional<Key> key_of(std::string_view bytes) noexcept;

// True if `u` (little-endian, top bit ignored as in RFC 7748 §5) has an order that divides 8: a Diffie-Hellman with it
// has an outcome that everybody knows (RFC 7748 §6.1). Zero is one of them.
[[nodiscard]] bool is_low_order(const Key& u) noexcept;

// Ed25519 public key → Curve25519 u = (1+y)/(1−y) (RFC 7748 §4.1). Nothing for the point at infinity (y = 1) and for
// y ≥ p. Does not check that the point is on the curve: a signature that verifies does.
[[nodiscard]] std::optional<Key> montgomery_u(const Key& edwards);

// RFC 8032 Ed25519; refuses S ≥ L.
[[nodiscard]] bool verify_ed25519(const Key& key, std::string_view message, std::string_view signature);

// libsignal's signature with a Curve25519 key: Ed25519 under y = (u−1)/(u+1), whose sign rides in the top bit of the
// signature (XEdDSA makes it 0).
[[nodiscard]] bool verify_curve25519(const Key& u, std::string_view message, std::string_view signature);

}  // namespace valise::modules::omemo_keys
