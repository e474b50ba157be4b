// The grammar of SCRAM's client messages (RFC 5802 §7): text in, views into that text out, no decisions.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace valise::core::auth {

inline constexpr std::size_t max_scram_message = 8'192;  // two saslnames of escaped bytes and a nonce
inline constexpr std::size_t max_scram_nonce = 512;

struct ClientFirst {
  char binding = 'n';                // gs2-cbind-flag: 'n', 'y' or 'p'
  std::string_view binding_name;     // with 'p'
  std::string authzid;               // unescaped; empty: none
  std::string_view gs2_header;       // with its last comma
  std::string_view bare;             // client-first-message-bare
  bool mandatory_extension = false;  // m= is there: RFC 5802 §5.1 says to fail
  std::string username;              // unescaped
  std::string_view nonce;
};

struct ClientFinal {
  std::string_view binding;  // base64 of c=
  std::string_view nonce;
  std::string_view without_proof;  // client-final-message-without-proof
  std::string_view proof;          // base64 of p=
  bool mandatory_extension = false;
};

// nullopt: not in the grammar, or over a bound. The views live as long as `message`.
[[nodiscard]] std::optional<ClientFirst> parse_client_first(std::string_view message);
[[nodiscard]] std::optional<ClientFinal> parse_client_final(std::string_view message);

// saslname: "=2C" is a comma, "=3D" an equals sign, any other '=' is an error.
[[nodiscard]] std::optional<std::string> unescape_saslname(std::string_view text);

}  // namespace valise::core::auth
