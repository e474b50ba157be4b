#include "core/auth/password.hpp"

#include <algorithm>
#include <cstring>
#include <stdexcept>

#include "core/auth/mechanism.hpp"
#include "core/jid/stringprep.hpp"

namespace valise::core::auth {

using crypto::Hash;

Result<std::string> prepare_password(std::string_view password) {
  if (password.empty()) return fail(ErrorCode::invalid, "the password is empty");
  if (password.size() > max_password) return fail(ErrorCode::invalid, "the password is longer than 1023 bytes");
  const auto is_plain = [](char c) { return c >= 0x20 && c < 0x7f; };
  if (std::ranges::all_of(password, is_plain)) return std::string(password);
  auto prepared = prepare(Profile::saslprep, password);
  if (!prepared) return fail(ErrorCode::invalid, "the password: " + prepared.error().text);
  if (prepared->empty()) return fail(ErrorCode::invalid, "the password is empty after preparation");
  return prepared;
}

bool is_long_enough(std::string_view password, std::int64_t least) noexcept {
  // Characters, not bytes: what continues one in UTF-8 does not count.
  return std::ranges::count_if(password, [](char c) { return (static_cast<unsigned char>(c) & 0xc0U) != 0x80; }) >=
         least;
}

storage::ScramKey derive_key(Hash hash, std::string_view prepared, std::string_view salt, unsigned iterations) {
  auto salted = crypto::pbkdf2(hash, prepared, salt, iterations);
  auto key = key_of_salted(hash, salted, salt, iterations);
  crypto::wipe(salted);
  return key;
}

storage::ScramKey key_of_salted(Hash hash, std::string_view salted, std::string_view salt, unsigned iterations) {
  auto client_key = crypto::hmac(hash, salted, "Client Key");
  storage::ScramKey key{
      .hash = std::string(hash_name(hash)),
      .salt = std::string(salt),
      .iterations = iterations,
      .stored_key = crypto::digest(hash, client_key),
      .server_key = crypto::hmac(hash, salted, "Server Key"),
  };
  crypto::wipe(client_key);
  return key;
}

Result<std::vector<storage::ScramKey>> make_keys(std::string_view password, unsigned iterations,
                                                 std::span<const Hash> hashes) {
  if (iterations < min_iterations || iterations > max_iterations) {
    return fail(ErrorCode::invalid, "iterations must lie between 4096 and 10000000");
  }
  auto prepared = prepare_password(password);
  if (!prepared) return std::unexpected(std::move(prepared.error()));
  std::vector<storage::ScramKey> keys;
  for (const auto hash : hashes) {
    keys.push_back(derive_key(hash, *prepared, crypto::random_string(salt_size), iterations));
  }
  crypto::wipe(*prepared);
  return keys;
}

const storage::ScramKey* find_key(std::span<const storage::ScramKey> keys, Hash hash) noexcept {
  const auto size = crypto::digest_size(hash);
  for (const auto& key : keys) {
    if (key.hash == hash_name(hash) && key.stored_key.size() == size && key.server_key.size() == size &&
        !key.salt.empty() && key.iterations > 0 && key.iterations <= max_iterations) {
      return &key;
    }
  }
  return nullptr;
}

bool verify_password(std::span<const storage::ScramKey> keys, std::string_view password) {
  for (const auto hash : {Hash::sha512, Hash::sha256, Hash::sha1}) {
    const auto* key = find_key(keys, hash);
    if (key == nullptr) continue;
    auto prepared = prepare_password(password);
    const bool usable = prepared.has_value();
    if (!usable) prepared = std::string("x");  // the same work for a password that nobody can have
    const auto tried = derive_key(hash, *prepared, key->salt, key->iterations);
    crypto::wipe(*prepared);
    return crypto::equal(tried.stored_key, key->stored_key) && usable;
  }
  return false;
}

std::uint64_t fingerprint(std::span<const storage::ScramKey> keys) {
  std::string all;
  for (const auto& key : keys) all += key.hash + key.salt + key.stored_key;
  std::uint64_t out = 0;
  if (!keys.empty()) std::memcpy(&out, crypto::digest(Hash::sha256, all).data(), sizeof out);
  crypto::wipe(all);
  return out;
}

FakeKeys::FakeKeys(std::string secret, unsigned iterations) : secret_(std::move(secret)), iterations_(iterations) {
  if (secret_.size() < 32) throw std::invalid_argument("the secret of FakeKeys needs 32 bytes");
}

storage::ScramKey FakeKeys::key(Hash hash, const Jid& account) const {
  // The label ends with a byte that no JID holds, so that label and name cannot run into each other.
  const auto derive = [&](std::string_view label) {
    std::string input(hash_name(hash));
    input.append(label).push_back('\0');
    input.append(account.bare());
    return crypto::hmac(Hash::sha512, secret_, input).substr(0, crypto::digest_size(hash));
  };
  return {.hash = std::string(hash_name(hash)),
          .salt = derive("salt").substr(0, salt_size),
          .iterations = iterations_,
          .stored_key = derive("stored"),
          .server_key = derive("server")};
}

}  // namespace valise::core::auth
