#include "core/auth/token.hpp"

#include "core/auth/plain.hpp"

namespace valise::core::auth {
namespace {

std::string proof(std::string_view token, std::string_view role, std::string_view binding) {
  return crypto::hmac(crypto::Hash::sha256, token, std::string(role) += binding);
}

}  // namespace

std::string token_text(std::string_view secret, const Jid& account, std::string_view agent, std::string_view nonce) {
  std::string input("token");
  for (const auto part : {account.bare(), agent, nonce}) input.append(1, '\0').append(part);  // no part holds a NUL
  auto bytes = crypto::hmac(crypto::Hash::sha256, secret, input);
  auto text = crypto::base64_encode(bytes);
  crypto::wipe(bytes);
  return text;
}

Outcome<TokenMessage> parse_token_message(std::string_view message, std::string_view host) {
  const auto end = message.find('\0');
  if (end == std::string_view::npos) return refuse(Condition::malformed_request, "no NUL behind the user name");
  const auto proof = message.substr(end + 1);
  if (proof.size() != crypto::digest_size(crypto::Hash::sha256)) {
    return refuse(Condition::malformed_request, "the proof is no HMAC");
  }
  auto account = login_account(message.substr(0, end), {}, host);
  if (!account) return std::unexpected(account.error());
  return TokenMessage{std::move(*account), std::string(proof)};
}

std::string initiator_proof(std::string_view token, std::string_view binding) {
  return proof(token, "Initiator", binding);
}
std::string responder_proof(std::string_view token, std::string_view binding) {
  return proof(token, "Responder", binding);
}

}  // namespace valise::core::auth
