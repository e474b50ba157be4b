// From passwords to the keys that are stored instead of them (RFC 5802 §3), and back to "is it this one".
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/crypto.hpp"
#include "base/error.hpp"
#include "core/jid/jid.hpp"
#include "storage/types.hpp"

namespace valise::core::auth {

inline constexpr unsigned default_iterations = 10'000;  // docs/security.md §5: at least; RFC 7677 §4 asks 4,096
inline constexpr unsigned min_iterations = 4'096;
inline constexpr unsigned max_iterations = 10'000'000;
inline constexpr std::size_t salt_size = 16;
inline constexpr std::size_t max_password = 1'023;  // bytes
inline constexpr crypto::Hash all_hashes[] = {crypto::Hash::sha1, crypto::Hash::sha256, crypto::Hash::sha512};

// RFC 4013, ASCII without ICU. Fails with `invalid` for a prohibited character, an empty or an overlong password.
// The caller wipes the result.
[[nodiscard]] Result<std::string> prepare_password(std::string_view password);

// Whether a new password has at least so many characters (accounts.password_minimum).
[[nodiscard]] bool is_long_enough(std::string_view password, std::int64_t least) noexcept;

// One key per hash, each with its own random salt. Fails with `invalid` for an unusable password or a number of
// iterations out of range.
[[nodiscard]] Result<std::vector<storage::ScramKey>> make_keys(std::string_view password,
                                                               unsigned iterations = default_iterations,
                                                               std::span<const crypto::Hash> hashes = all_hashes);

// The key for a given password, salt and hash: for tools and tests. `password` is prepared already.
[[nodiscard]] storage::ScramKey derive_key(crypto::Hash hash, std::string_view prepared, std::string_view salt,
                                           unsigned iterations);

// The same from the SaltedPassword (RFC 5802 §3) that a client made of its password.
[[nodiscard]] storage::ScramKey key_of_salted(crypto::Hash hash, std::string_view salted, std::string_view salt,
                                              unsigned iterations);

// nullptr: no usable key for that hash. Ill-formed rows (sizes, iterations) are not usable.
[[nodiscard]] const storage::ScramKey* find_key(std::span<const storage::ScramKey> keys, crypto::Hash hash) noexcept;

// True if `password` made one of `keys`; tried on the strongest hash that is there. Costs one PBKDF2 unless no key is
// usable, so a caller who hides which accounts exist passes FakeKeys' key for an unknown one.
[[nodiscard]] bool verify_password(std::span<const storage::ScramKey> keys, std::string_view password);

// Tells one password of an account from another by its keys; 0: there are none.
[[nodiscard]] std::uint64_t fingerprint(std::span<const storage::ScramKey> keys);

// Keys for accounts that do not exist, always the same for the same name, so that an exchange with them looks and
// costs like any other (docs/security.md §2: enumeration). No password leads to them.
class FakeKeys {
 public:
  // `secret`: 32 or more random bytes that all nodes share and keep over restarts. `iterations`: what new accounts get.
  explicit FakeKeys(std::string secret, unsigned iterations = default_iterations);
  [[nodiscard]] storage::ScramKey key(crypto::Hash hash, const Jid& account) const;

 private:
  std::string secret_;
  unsigned iterations_;
};

}  // namespace valise::core::auth
