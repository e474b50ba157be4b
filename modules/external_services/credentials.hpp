// Credentials for a TURN server that are good for a while and name nobody: the scheme that TURN servers call REST API
// (shared secret). Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace valise::modules::external_services {

struct Credentials {
  std::string username;  // "EXPIRY:PSEUDONYM", seconds since 1970
  std::string password;  // base64 of HMAC-SHA-1 of the username by the secret
};

// For the account `bare` until `expires_s`. The pseudonym is the same for an account as long as the secret is, so that
// a relay can count by person, and says nothing of the name to who has not the secret.
[[nodiscard]] Credentials make_credentials(std::string_view secret, std::string_view bare, std::int64_t expires_s);

}  // namespace valise::modules::external_services
