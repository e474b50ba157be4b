// What is kept of a client that says which one it is (XEP-0388 §2.3): one row of its account (DataKind::client), named
// by the user agent's id. Values and decisions, no storage.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/auth/token.hpp"

namespace valise::core {

struct Client {
  std::string agent;             // a UUID v4, lower case
  std::string software, device;  // what it calls itself
  std::int64_t first_ms = 0, last_ms = 0;
  std::optional<std::uint64_t> password;  // fingerprint of the keys whose password it has shown
  bool certificate = false;               // it has shown one
  // XEP-0484 §5.1: the one in use, and one that was given to replace it and not used so far.
  std::optional<auth::Token> current, fresh;
  friend bool operator==(const Client&, const Client&) = default;
};

// The row's value, and back; nothing for what is no such value.
[[nodiscard]] std::string encode(const Client& client);
[[nodiscard]] std::optional<Client> decode_client(std::string_view agent, std::string_view value);

// XEP-0388 §2.3: the id of a user agent is a UUID v4. In lower case; nothing for anything else.
[[nodiscard]] std::optional<std::string> parse_agent(std::string_view id);

// Whether a device (its user agent's id, where it has said one; its resource) is the wanted one: by the id, if that has
// one.
[[nodiscard]] constexpr bool is_device(std::string_view agent, std::string_view resource, std::string_view wanted_agent,
                                       std::string_view wanted_resource) noexcept {
  return wanted_agent.empty() ? resource == wanted_resource : agent == wanted_agent;
}

// An attempt to log in with a token.
struct TokenAttempt {
  const Jid& account;
  std::string_view agent;
  std::string_view mechanism;
  std::string_view proof;
  std::string_view binding;  // the channel binding's bytes
  std::optional<std::uint32_t> count;
  std::uint64_t credentials = 0;  // of the account now
  std::int64_t now_ms = 0;
};
struct TokenUse {
  std::string nonce;   // which token it was
  std::string answer;  // the server's proof
};
// XEP-0484 §3.4: `client` may be null, which costs the same. Who proves an expired token is told so
// (credentials-expired); everything else is not-authorized.
[[nodiscard]] auth::Outcome<TokenUse> check_token(const Client* client, std::string_view secret,
                                                  const TokenAttempt& attempt);

// §3.5, §5.1: the token was used; those before it are void. False: it is void itself, or the count was there already.
[[nodiscard]] bool use_token(Client& client, std::string_view nonce, std::optional<std::uint32_t> count);

}  // namespace valise::core
