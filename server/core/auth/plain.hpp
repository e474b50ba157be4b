// SASL PLAIN (RFC 4616), for hosts whose directory cannot do SCRAM; only ever inside TLS.
#pragma once

#include <string>
#include <string_view>

#include "core/auth/mechanism.hpp"
#include "core/jid/jid.hpp"

namespace valise::core::auth {

struct PlainLogin {
  Jid account;           // bare
  std::string password;  // as sent; the caller wipes it
};

// Decodes `message` (after base64) for the stream's `host`. Fails: malformed_request for a wrong shape or size,
// incorrect_encoding for ill-formed UTF-8, invalid_authzid when it asks to act for anybody else.
[[nodiscard]] Outcome<PlainLogin> parse_plain(std::string_view message, std::string_view host);

// The account that `username` names on `host`, refused unless `authzid` is empty or the same bare JID.
[[nodiscard]] Outcome<Jid> login_account(std::string_view username, std::string_view authzid, std::string_view host);

}  // namespace valise::core::auth
