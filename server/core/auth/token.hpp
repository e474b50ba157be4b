// Log-in by a token that the server gave (XEP-0484) with the HT mechanisms (draft-schmaus-kitten-sasl-ht): one message
// each way, an HMAC under the token over the channel binding.
//
// The server must know the token itself, for it is the HMAC's key. It keeps a nonce and makes the token from it and
// from a secret that lies outside the store: who reads the store alone can log in as nobody.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/auth/mechanism.hpp"
#include "core/jid/jid.hpp"

namespace valise::core::auth {

// What is kept of one.
struct Token {
  std::string nonce;      // hexadecimal, random, unique
  std::string mechanism;  // the only one that it works with (XEP-0484 §3.4)
  std::int64_t issued_ms = 0;
  std::int64_t expires_ms = 0;    // UTC
  std::uint64_t credentials = 0;  // auth::fingerprint of the account's keys then: a new password ends it
  std::uint32_t count = 0;        // of the last attempt that said one
  friend bool operator==(const Token&, const Token&) = default;
};

// 256 bits, as text. `agent`: of the client, the only one that it works for. The caller wipes it.
[[nodiscard]] std::string token_text(std::string_view secret, const Jid& account, std::string_view agent,
                                     std::string_view nonce);

// The client's message: its user name, NUL, the proof.
struct TokenMessage {
  Jid account;  // bare
  std::string proof;
};
[[nodiscard]] Outcome<TokenMessage> parse_token_message(std::string_view message, std::string_view host);

// The two proofs. `binding`: the channel binding's bytes; none for HT-…-NONE.
[[nodiscard]] std::string initiator_proof(std::string_view token, std::string_view binding);
[[nodiscard]] std::string responder_proof(std::string_view token, std::string_view binding);

}  // namespace valise::core::auth
