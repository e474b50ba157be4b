#include "core/auth/mechanism.hpp"

#include <algorithm>
#include <array>
#include <vector>

namespace valise::core::auth {
namespace {

using crypto::Hash;
using enum Mechanism::Kind;

constexpr std::array table{
    Mechanism{"EXTERNAL", external},
    Mechanism{"SCRAM-SHA-512-PLUS", scram, Hash::sha512, true},
    Mechanism{"SCRAM-SHA-256-PLUS", scram, Hash::sha256, true},
    Mechanism{"SCRAM-SHA-1-PLUS", scram, Hash::sha1, true},
    Mechanism{"SCRAM-SHA-512", scram, Hash::sha512, false},
    Mechanism{"SCRAM-SHA-256", scram, Hash::sha256, false},
    Mechanism{"SCRAM-SHA-1", scram, Hash::sha1, false},
    Mechanism{"PLAIN", plain},
};

// A token proves itself by an HMAC over the channel binding; the name's end is the binding's.
constexpr std::array tokens{
    Mechanism{"HT-SHA-256-EXPR", token, Hash::sha256, false, "tls-exporter"},
    Mechanism{"HT-SHA-256-UNIQ", token, Hash::sha256, false, "tls-unique"},
    Mechanism{"HT-SHA-256-ENDP", token, Hash::sha256, false, "tls-server-end-point"},
    Mechanism{"HT-SHA-256-NONE", token, Hash::sha256, false, {}},
};

constexpr std::array<std::string_view, 11> conditions{
    "aborted",
    "account-disabled",
    "credentials-expired",
    "encryption-required",
    "incorrect-encoding",
    "invalid-authzid",
    "invalid-mechanism",
    "malformed-request",
    "mechanism-too-weak",
    "not-authorized",
    "temporary-auth-failure",
};

constexpr std::array<std::string_view, 3> hashes{"SHA-1", "SHA-256", "SHA-512"};

std::string join_sorted(std::span<const std::string_view> names) {
  std::vector<std::string_view> sorted(names.begin(), names.end());
  std::ranges::sort(sorted);
  std::string out;
  for (const auto name : sorted) {
    if (!out.empty()) out += '\x1e';
    out += name;
  }
  return out;
}

}  // namespace

std::span<const Mechanism> mechanisms() noexcept { return table; }

std::span<const Mechanism> token_mechanisms() noexcept { return tokens; }

const Mechanism* find_mechanism(std::string_view name) noexcept {
  const auto* found = std::ranges::find(table, name, &Mechanism::name);
  return found == table.end() ? nullptr : found;
}

std::string_view hash_name(Hash hash) noexcept { return hashes[static_cast<std::size_t>(hash)]; }

std::optional<Hash> find_hash(std::string_view name) noexcept {
  const auto* found = std::ranges::find(hashes, name);
  if (found == hashes.end()) return std::nullopt;
  return static_cast<Hash>(found - hashes.begin());
}

std::string_view condition_name(Condition condition) noexcept {
  return conditions[static_cast<std::size_t>(condition)];
}

std::optional<Condition> find_condition(std::string_view name) noexcept {
  const auto* found = std::ranges::find(conditions, name);
  if (found == conditions.end()) return std::nullopt;
  return static_cast<Condition>(found - conditions.begin());
}

std::string downgrade_hash(Hash hash, std::span<const std::string_view> offered,
                           std::span<const std::string_view> bindings) {
  auto text = join_sorted(offered);
  if (!bindings.empty()) text += '\x1f' + join_sorted(bindings);
  return crypto::digest(hash, text);
}

}  // namespace valise::core::auth
