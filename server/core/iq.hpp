// Requests that the server answers itself. A handler gets an IqRequest and answers it once, now or later; one that is
// dropped unanswered answers internal-server-error, so that no client ever waits for nothing.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "core/account.hpp"
#include "core/flow.hpp"
#include "core/stanza.hpp"

namespace valise::core {

class Shard;

// Whom a request is addressed to, as the handler sees it.
enum class IqTarget : std::uint8_t {
  server,   // the host's domain; runs on the sender's shard
  account,  // a local bare JID, or nothing (= the sender's own); runs on that account's home shard
};

class IqRequest {
 public:
  // `ack`: the request is handled (XEP-0198) when it is answered, because a result says that its change is durable.
  IqRequest(Shard& shard, StanzaPtr stanza, Account* account, Session* session, Language language, Ack ack = {});
  IqRequest(IqRequest&& other) noexcept;
  IqRequest& operator=(IqRequest&&) = delete;
  ~IqRequest();

  [[nodiscard]] const Stanza& stanza() const noexcept { return *stanza_; }
  [[nodiscard]] xml::Element payload() const noexcept { return stanza_->payload(); }
  [[nodiscard]] bool is_set() const noexcept { return stanza_->type == "set"; }
  [[nodiscard]] const Jid& from() const noexcept { return stanza_->from; }
  [[nodiscard]] Shard& shard() const noexcept { return *shard_; }
  // The target account; null for the server. Valid only until the handler returns, like the session: behind an
  // asynchronous step look it up by its address, target().
  [[nodiscard]] Account* account() const noexcept { return account_; }
  [[nodiscard]] Jid target() const { return stanza_->to ? stanza_->to->to_bare() : stanza_->from.to_bare(); }
  [[nodiscard]] Session* session() const noexcept {
    return session_;
  }  // the sender, if a session of that account:
     // valid only until the handler returns
  [[nodiscard]] bool from_owner() const noexcept { return from_owner_; }
  [[nodiscard]] Language language() const noexcept { return language_; }
  [[nodiscard]] std::string host() const;  // the local domain that is asked

  void result(std::string children = {});
  void error(const StanzaError& error);
  // The error with the request's payload repeated in front of it (RFC 6120 §8.3.1 MAY; some clients need it).
  void error_with_echo(const StanzaError& error, std::string echo);
  // Who asks, for a record: the session's own where it is the target's, else its address.
  [[nodiscard]] Ref<const audit::Origin> origin() const;
  // The error, with a record of the denial for which nobody waits.
  void deny(const StanzaError& error, std::string reason);

 private:
  Shard* shard_;
  StanzaPtr stanza_;
  Account* account_;
  Session* session_;
  bool from_owner_;
  Language language_;
  Ack ack_;

  void answer(StanzaPtr stanza, const Jid& asker);
};

using IqHandler = std::function<void(IqRequest)>;

}  // namespace valise::core
