// The SASL mechanisms that Valise knows, and the conditions with which SASL fails.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/crypto.hpp"

namespace valise::core::auth {

struct Mechanism {
  enum class Kind : std::uint8_t { scram, plain, external, token };

  std::string_view name;  // as on the wire
  Kind kind = Kind::scram;
  crypto::Hash hash = crypto::Hash::sha256;  // scram only
  bool plus = false;                         // scram: with channel binding
  std::string_view binding;                  // token only: the channel binding's type; empty: none
};

// All of them, the strongest first: a feature list in this order suits clients that take the first they know.
[[nodiscard]] std::span<const Mechanism> mechanisms() noexcept;
// Those that take a token for a password (XEP-0484 §3.1), the strongest first.
[[nodiscard]] std::span<const Mechanism> token_mechanisms() noexcept;
// Exact, as RFC 4422 §3.1 spells names; nullptr: unknown.
[[nodiscard]] const Mechanism* find_mechanism(std::string_view name) noexcept;

// "SHA-1", "SHA-256", "SHA-512": as ScramKey::hash has it.
[[nodiscard]] std::string_view hash_name(crypto::Hash hash) noexcept;
[[nodiscard]] std::optional<crypto::Hash> find_hash(std::string_view name) noexcept;

// RFC 6120 §6.5.
enum class Condition : std::uint8_t {
  aborted,
  account_disabled,
  credentials_expired,
  encryption_required,
  incorrect_encoding,
  invalid_authzid,
  invalid_mechanism,
  malformed_request,
  mechanism_too_weak,
  not_authorized,
  temporary_auth_failure,
};

// The element's name inside <failure/>.
[[nodiscard]] std::string_view condition_name(Condition condition) noexcept;
[[nodiscard]] std::optional<Condition> find_condition(std::string_view name) noexcept;

// Why a log-in ended. `reason` is for log and record: static text, never from the client, not for the wire.
struct Failure {
  Condition condition = Condition::not_authorized;
  std::string_view reason;
};

template <class T>
using Outcome = std::expected<T, Failure>;

[[nodiscard]] inline std::unexpected<Failure> refuse(Condition condition, std::string_view reason) {
  return std::unexpected(Failure{condition, reason});
}

// XEP-0474 §5.1: the value of SCRAM's `h` attribute over what this stream's features offered, raw hash bytes.
// `bindings`: the types advertised by XEP-0440; empty when it was not used.
[[nodiscard]] std::string downgrade_hash(crypto::Hash hash, std::span<const std::string_view> offered,
                                         std::span<const std::string_view> bindings);

}  // namespace valise::core::auth
