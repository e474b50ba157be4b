// What Login keeps of the exchange under way: for its own files only.
#pragma once

#include "base/crypto.hpp"
#include "stream/authenticate.hpp"
#include "stream/login.hpp"

namespace valise::stream {

// One exchange (RFC 6120 §6.4): <auth/> or <authenticate/> begins it, <success/> or <failure/> ends it. All that
// belongs to it is here.
struct Login::Exchange {
  enum class Step : std::uint8_t {
    begun,       // the client's first message is due
    reading,     // … has come; the account's row is on its way
    challenged,  // the client's proof is due
    checking,    // a password is compared on a working thread
    concluded,   // the outcome is known and waits for the brake
    continued,   // XEP-0388 §2.6.3: the client is to begin the first of `tasks`
    salted,      // XEP-0480 §3: … and to send its hash
  };

  Exchange(Login& its_login, const core::auth::Mechanism& chosen)
      : login(its_login),
        mechanism(chosen),
        delay(
            [](void* self) {
              auto& exchange = *static_cast<Exchange*>(self);
              if (exchange.step == Step::concluded) exchange.login.tell(exchange);
            },
            this) {}
  ~Exchange() { crypto::wipe(password); }
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;
  [[nodiscard]] bool client_is_due() const noexcept { return step == Step::begun || step == Step::challenged; }

  Login& login;  // which owns this
  const core::auth::Mechanism& mechanism;
  Step step = Step::begun;
  std::optional<core::auth::ScramExchange> scram;
  core::Jid account;
  std::string password;  // PLAIN only, until it is checked
  bool active = false;   // the account's row says so
  std::uint64_t credentials = 0;
  std::unique_ptr<Authenticate> request;  // XEP-0388; null: RFC 6120
  std::string proof;                      // a token's, until it is checked
  std::string nonce;                      // of the token that was used
  std::vector<std::string> tags;          // that rules gave
  std::vector<crypto::Hash> tasks;        // XEP-0480: keys that the client will make, the next one first
  std::string salt;                       // of the first of them
  unsigned iterations = 0;                // likewise
  std::vector<storage::ScramKey> keys;    // of the account, with what came of them
  std::expected<std::string, core::auth::Condition> outcome =
      std::unexpected(core::auth::Condition::temporary_auth_failure);
  net::Timer delay;
};

}  // namespace valise::stream
