// The server's side of SCRAM (RFC 5802, RFC 7677, SCRAM-SHA-512) with and without channel binding (RFC 9266), as a
// state machine without I/O: messages in after base64, messages out before base64.
//
//   client_first → the account → the caller loads its keys → server_first → client_final → server-final
//
// An account that does not exist goes all the way with a fake key and fails at the end like a wrong password.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/auth/mechanism.hpp"
#include "core/auth/password.hpp"
#include "core/jid/jid.hpp"

namespace valise::core::auth {

// What this connection can prove: the type's registered name, e.g. "tls-exporter", and its bytes.
struct ChannelBinding {
  std::string name;
  std::string data;
};

struct ScramSettings {
  const Mechanism* mechanism = nullptr;  // the one that the client chose, of kind scram
  std::string host;                      // the stream's host, a valid JID domain
  std::vector<ChannelBinding> bindings;  // empty: this connection has none
  bool plus_offered = false;             // the features named a -PLUS mechanism
  std::string downgrade_hash;            // XEP-0474; empty: the attribute is left out
  std::string tls_version;               // XEP-0515: "0304"; empty: the attribute is left out
  std::string nonce_for_test;            // empty: random
};

class ScramExchange {
 public:
  explicit ScramExchange(ScramSettings settings);
  ~ScramExchange();
  ScramExchange(ScramExchange&&) noexcept = default;
  ScramExchange& operator=(ScramExchange&&) noexcept = default;

  // The bare JID of the account that wants to log in, with the authzid checked. Any failure ends the exchange.
  [[nodiscard]] Outcome<Jid> client_first(std::string_view message);

  // What the store holds of the account: `keys` may be empty, or have none for this hash; then `fake` steps in.
  // Returns server-first-message.
  [[nodiscard]] Outcome<std::string> server_first(std::span<const storage::ScramKey> keys, const FakeKeys& fake);

  // Returns server-final-message: the client knows the password and is `account`. A wrong proof, an unknown account
  // and a channel binding from another connection all are not_authorized.
  [[nodiscard]] Outcome<std::string> client_final(std::string_view message);

  [[nodiscard]] const Jid& account() const noexcept { return account_; }
  // True after a client_final that succeeded and was bound to its TLS connection.
  [[nodiscard]] bool bound() const noexcept { return state_ == State::done && settings_.mechanism->plus; }

 private:
  enum class State : std::uint8_t { start, has_account, challenged, done, failed };

  std::unexpected<Failure> end(Condition condition, std::string_view reason);
  [[nodiscard]] bool binding_matches(std::string_view encoded) const;
  [[nodiscard]] bool proof_matches(std::string_view client_signature, std::string_view encoded_proof) const;

  ScramSettings settings_;
  State state_ = State::start;
  Jid account_;
  bool known_ = false;
  storage::ScramKey key_;
  std::string nonce_;             // the client's and ours
  std::string expected_binding_;  // gs2-header and channel-binding data
  std::string auth_message_;      // grows with each message (RFC 5802 §3)
};

}  // namespace valise::core::auth
