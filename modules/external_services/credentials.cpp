#include "modules/external_services/credentials.hpp"

#include "base/crypto.hpp"

namespace valise::modules::external_services {

Credentials make_credentials(std::string_view secret, std::string_view bare, std::int64_t expires_s) {
  // A label of its own: a pseudonym is never a password.
  const auto pseudonym = crypto::hmac(crypto::Hash::sha256, secret, "valise pseudonym " + std::string(bare));
  Credentials made;
  made.username = std::to_string(expires_s) + ':' + crypto::hex_encode(pseudonym.substr(0, 12));
  made.password = crypto::base64_encode(crypto::hmac(crypto::Hash::sha1, secret, made.username));
  return made;
}

}  // namespace valise::modules::external_services
