// SASL on a client stream, in the words of RFC 6120 §6 and of XEP-0388: what is offered, the exchange, the brake on
// guessing. The mechanisms are pure
// (core/auth); this room gives them elements, accounts and time.
#pragma once

#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/auth/brake.hpp"
#include "core/auth/scram.hpp"
#include "core/client.hpp"
#include "core/shard.hpp"
#include "stream/authenticate.hpp"
#include "stream/wire.hpp"
#include "xml/document.hpp"

namespace valise::stream {

class TlsHolder;

// One a process; fixed after start.
struct LoginShared {
  core::auth::FakeKeys fake_keys;
  core::auth::Brake& brake;
  const TlsHolder& tls;
  std::vector<const core::auth::Mechanism*> mechanisms;  // that the configuration allows, strongest first
};

// What XEP-0388 adds to a log-in: it is told of it only when all is done that it asked for.
struct Inline {
  Authenticate request;
  core::auth::Mechanism::Kind kind = core::auth::Mechanism::Kind::scram;
  std::string additional_data;  // of the mechanism, for <success/>
  std::string nonce;            // of the token that was used
  bool upgraded = false;        // XEP-0480: `keys` are to replace those that it logged in with
  std::vector<storage::ScramKey> keys;
};

// Who has logged in, and with what.
struct LoggedIn {
  core::Jid account;  // bare
  std::string_view mechanism;
  std::uint64_t credentials = 0;  // core::auth::fingerprint of the keys that the password was checked against
  std::vector<std::string> tags;  // that rules gave
  std::unique_ptr<Inline> more;   // XEP-0388; null: RFC 6120
};

// What Login needs of its stream.
class LoginOwner {
 public:
  virtual core::Shard& shard() = 0;
  virtual Wire& connection() = 0;
  virtual const std::string& domain() const = 0;
  virtual core::Language language() const = 0;
  virtual void send(std::string_view xml) = 0;
  // <success/> is already on its way, but with LoggedIn::more is the owner's to send.
  virtual void login_succeeded(LoggedIn who) = 0;
  virtual void login_failed_too_often() = 0;
  // RFC 6120 §6.4.6: the stream's header, inside TLS, said `from` somebody else.
  [[nodiscard]] virtual bool contradicts(const core::Jid& account) const = 0;
  virtual void end(std::string_view condition, std::string_view text) = 0;

 protected:
  ~LoginOwner() = default;
};

class Login {
 public:
  Login(LoginOwner& owner, const LoginShared& shared);
  ~Login();
  // The children of <stream:features/> that offer it.
  [[nodiscard]] std::string features() const;
  // Some mechanism is offered. Not where the host takes certificates only and the client has shown none for it.
  [[nodiscard]] bool possible() const;
  // XEP-0509 §2.1: the feature that names all the others.
  [[nodiscard]] std::string config_version(std::string_view features);
  // An element in the SASL namespace.
  void take(xml::Element element);
  // An element in that of XEP-0388.
  void take_2(xml::Element element);
  // XEP-0388 §2.4: nothing but its elements may come now.
  [[nodiscard]] bool is_exclusive() const noexcept;

 private:
  struct Exchange;
  void begin(xml::Element auth);
  void begin_2(xml::Element authenticate);
  [[nodiscard]] const core::auth::Mechanism* choose(const Authenticate& request) const;
  [[nodiscard]] bool gives(std::string_view token_mechanism) const;
  void choose_tasks(Exchange& exchange, const std::vector<storage::ScramKey>& keys) const;
  void begin_task(Exchange& exchange, xml::Element next);
  void end_task(Exchange& exchange, xml::Element data);
  void ask_for_task(Exchange& exchange, std::string_view additional_data);
  void conclude_2(Exchange& exchange);
  void take_message(Exchange& exchange, std::string_view base64);
  void take_scram(Exchange& exchange, std::string_view message);
  void begin_scram(Exchange& exchange, std::string_view message);
  void begin_plain(Exchange& exchange, std::string_view message);
  void begin_external(Exchange& exchange, std::string_view authzid);
  void begin_token(Exchange& exchange, std::string_view message);
  void read_account();
  struct Rows;
  void with_account(Exchange& exchange, const Rows& rows);
  void challenge(Exchange& exchange, const std::vector<storage::ScramKey>& keys);
  void check_password(Exchange& exchange, const std::vector<storage::ScramKey>& keys);
  void check_certificate(Exchange& exchange, bool exists);
  void check_token(Exchange& exchange, const core::Client* client);
  void conclude(Exchange& exchange, std::expected<std::string, core::auth::Condition> outcome);
  void tell(Exchange& exchange);
  void succeed(Exchange& exchange);
  void deny(const core::Refusal& denied);
  void fail(core::auth::Condition condition, std::string_view reason);
  void record_failure(std::string_view reason);
  [[nodiscard]] bool given_up();
  void tell_failure(core::auth::Condition condition, std::string_view text);
  void refuse_config_version();
  [[nodiscard]] std::vector<core::Jid> read_certificate() const;
  [[nodiscard]] bool braked(Exchange& exchange);
  [[nodiscard]] bool offered(const core::auth::Mechanism& mechanism) const;
  [[nodiscard]] bool plus_offered() const;
  [[nodiscard]] std::string downgrade_hash(crypto::Hash hash) const;
  void append_authentication(std::string& out) const;
  [[nodiscard]] const core::auth::ChannelBinding* binding(const core::auth::Mechanism& mechanism) const;
  [[nodiscard]] bool may_upgrade(crypto::Hash hash) const;
  [[nodiscard]] static std::string upgrade_task(crypto::Hash hash);
  [[nodiscard]] static std::string_view namespace_of(const Exchange& exchange);

  LoginOwner& owner_;
  const LoginShared& shared_;
  const std::vector<core::auth::ChannelBinding> bindings_;  // what this TLS session can prove, the strongest first
  const std::vector<core::Jid> certified_;  // accounts that the client's certificate names, of all hosts
  std::string config_version_;              // XEP-0509
  bool in_sasl_2_ = false;                  // in which words the client spoke last
  std::uint32_t failures_ = 0;
  // The one under way, or null. Nobody else owns it: what comes late from a database thread finds its own exchange or
  // none, never another.
  std::shared_ptr<Exchange> exchange_;
};

}  // namespace valise::stream
