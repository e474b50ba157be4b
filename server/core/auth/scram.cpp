#include "core/auth/scram.hpp"

#include <algorithm>
#include <stdexcept>

#include "core/auth/plain.hpp"
#include "core/auth/scram_message.hpp"

namespace valise::core::auth {
namespace {

constexpr std::size_t nonce_bytes = 18;  // 24 characters of base64, without padding

}  // namespace

ScramExchange::ScramExchange(ScramSettings settings) : settings_(std::move(settings)) {
  if (settings_.mechanism == nullptr || settings_.mechanism->kind != Mechanism::Kind::scram) {
    throw std::invalid_argument("ScramExchange needs a SCRAM mechanism");
  }
}

ScramExchange::~ScramExchange() {
  crypto::wipe(key_.stored_key);
  crypto::wipe(key_.server_key);
}

std::unexpected<Failure> ScramExchange::end(Condition condition, std::string_view reason) {
  state_ = State::failed;
  return refuse(condition, reason);
}

Outcome<Jid> ScramExchange::client_first(std::string_view message) {
  if (state_ != State::start) return end(Condition::malformed_request, "client-first out of order");
  const auto first = parse_client_first(message);
  if (!first) return end(Condition::malformed_request, "client-first is no SCRAM message");
  if (first->mandatory_extension) return end(Condition::malformed_request, "unknown mandatory extension");

  // RFC 5802 §6: 'y' says that the client saw no -PLUS. If we offered one, somebody in between took it away.
  const bool plus = settings_.mechanism->plus;
  if (plus != (first->binding == 'p')) return end(Condition::malformed_request, "binding flag and mechanism differ");
  if (first->binding == 'y' && settings_.plus_offered) {
    return end(Condition::not_authorized, "channel binding was downgraded");
  }
  expected_binding_ = first->gs2_header;
  if (plus) {
    const auto binding = std::ranges::find(settings_.bindings, first->binding_name, &ChannelBinding::name);
    if (binding == settings_.bindings.end() || binding->data.empty()) {
      return end(Condition::malformed_request, "channel binding type not offered");
    }
    expected_binding_ += binding->data;
  }
  auto account = login_account(first->username, first->authzid, settings_.host);
  if (!account) return end(account.error().condition, account.error().reason);

  account_ = std::move(*account);
  nonce_ = first->nonce;
  auth_message_ = first->bare;
  state_ = State::has_account;
  return account_;
}

Outcome<std::string> ScramExchange::server_first(std::span<const storage::ScramKey> keys, const FakeKeys& fake) {
  if (state_ != State::has_account) return end(Condition::malformed_request, "server-first out of order");
  const auto hash = settings_.mechanism->hash;
  auto unknown = fake.key(hash, account_);  // made for everybody: equal work
  const auto* found = find_key(keys, hash);
  known_ = found != nullptr;
  key_ = known_ ? *found : std::move(unknown);

  nonce_ += settings_.nonce_for_test.empty() ? crypto::base64_encode(crypto::random_string(nonce_bytes))
                                             : settings_.nonce_for_test;
  auto message = "r=" + nonce_ + ",s=" + crypto::base64_encode(key_.salt) + ",i=" + std::to_string(key_.iterations);
  if (!settings_.downgrade_hash.empty()) message += ",h=" + crypto::base64_encode(settings_.downgrade_hash);
  if (!settings_.tls_version.empty()) message += ",t=" + settings_.tls_version;
  auth_message_ += ',' + message;
  state_ = State::challenged;
  return message;
}

bool ScramExchange::binding_matches(std::string_view encoded) const {
  const auto decoded = crypto::base64_decode(encoded);
  return decoded && crypto::equal(*decoded, expected_binding_);
}

// RFC 5802 §3: the proof is ClientKey XOR ClientSignature, and H(ClientKey) is what is stored.
bool ScramExchange::proof_matches(std::string_view client_signature, std::string_view encoded_proof) const {
  auto client_key = crypto::base64_decode(encoded_proof);
  const bool sized = client_key && client_key->size() == client_signature.size();
  if (!sized) client_key = std::string(client_signature.size(), '\0');
  for (std::size_t i = 0; i < client_signature.size(); ++i) {
    (*client_key)[i] = static_cast<char>((*client_key)[i] ^ client_signature[i]);
  }
  const auto stored = crypto::digest(settings_.mechanism->hash, *client_key);
  crypto::wipe(*client_key);
  return crypto::equal(stored, key_.stored_key) && sized;
}

Outcome<std::string> ScramExchange::client_final(std::string_view message) {
  if (state_ != State::challenged) return end(Condition::malformed_request, "client-final out of order");
  const auto final = parse_client_final(message);
  if (!final) return end(Condition::malformed_request, "client-final is no SCRAM message");
  if (final->mandatory_extension) return end(Condition::malformed_request, "unknown mandatory extension");

  auth_message_ += ',';
  auth_message_ += final->without_proof;
  const auto hash = settings_.mechanism->hash;
  const auto client_signature = crypto::hmac(hash, key_.stored_key, auth_message_);
  const auto server_signature = crypto::hmac(hash, key_.server_key, auth_message_);
  // All three are worked out for everybody; which one was wrong stays between us and the log.
  const bool same_nonce = crypto::equal(final->nonce, nonce_);
  const bool same_binding = binding_matches(final->binding);
  const bool right_proof = proof_matches(client_signature, final->proof);
  if (!same_nonce) return end(Condition::not_authorized, "nonce differs");
  if (!same_binding) return end(Condition::not_authorized, "channel binding differs");
  if (!right_proof || !known_) return end(Condition::not_authorized, known_ ? "wrong password" : "unknown account");
  state_ = State::done;
  return "v=" + crypto::base64_encode(server_signature);
}

}  // namespace valise::core::auth
