// SASL on a client stream (RFC 6120 §6): what is offered, the exchange, the brake on guessing. The mechanisms are pure
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
#include "core/shard.hpp"
#include "net/connection.hpp"
#include "xml/document.hpp"

namespace valise::stream {

// One a process; fixed after start.
struct LoginShared {
  core::auth::FakeKeys fake_keys;
  core::auth::Brake& brake;
  std::vector<const core::auth::Mechanism*> mechanisms;  // that the configuration allows, strongest first
};

// What Login needs of its stream.
class LoginOwner {
 public:
  virtual core::Shard& shard() = 0;
  virtual net::Connection& connection() = 0;
  virtual const std::string& domain() const = 0;
  virtual core::Language language() const = 0;
  virtual void send(std::string_view xml) = 0;
  // <success/> is already on its way.
  virtual void login_succeeded(core::Jid account, std::string_view mechanism, std::vector<std::string> tags) = 0;
  virtual void login_failed_too_often() = 0;

 protected:
  ~LoginOwner() = default;
};

class Login {
 public:
  Login(LoginOwner& owner, const LoginShared& shared);
  ~Login();
  // The children of <stream:features/> that offer it.
  [[nodiscard]] std::string features() const;
  // An element in the SASL namespace.
  void take(xml::Element element);

 private:
  struct Waiting;  // keeps a Login from being called back after it is gone
  void begin(xml::Element auth);
  void begin_scram(const core::auth::Mechanism& mechanism, std::string_view message);
  void begin_plain(std::string_view message);
  void load_keys();
  void with_keys(Result<std::optional<storage::Account>> row);
  void respond(std::string_view message);
  void succeed(std::string_view data, std::vector<std::string> tags);
  void fail(core::auth::Condition condition, std::string_view reason);
  void deny(const core::Refusal& denied);
  void tell_failure(core::auth::Condition condition, std::string_view text);
  void conclude(std::expected<std::string, core::auth::Condition> outcome);
  void tell();
  [[nodiscard]] bool braked();
  [[nodiscard]] bool offered(const core::auth::Mechanism& mechanism) const;
  [[nodiscard]] bool plus_offered() const;
  [[nodiscard]] std::string downgrade_hash(crypto::Hash hash) const;

  LoginOwner& owner_;
  const LoginShared& shared_;
  const std::vector<core::auth::ChannelBinding> bindings_;  // what this TLS session can prove, the strongest first
  std::shared_ptr<Waiting> waiting_;
  bool busy_ = false;
  std::uint64_t exchange_ = 0;  // which one it is: late answers of an earlier one are told by it
  std::uint32_t failures_ = 0;
  const core::auth::Mechanism* mechanism_ = nullptr;
  std::optional<core::auth::ScramExchange> scram_;
  core::Jid account_;
  std::string password_;  // PLAIN only, until it is checked
  storage::AccountState state_ = storage::AccountState::active;
  bool exists_ = false;
  std::expected<std::string, core::auth::Condition> outcome_;  // what is told when delay_ is over
  net::Timer delay_;
};

}  // namespace valise::stream
