#include "core/iq.hpp"

#include "core/shard.hpp"

namespace valise::core {

IqRequest::IqRequest(Shard& shard, StanzaPtr stanza, Account* account, Session* session, Language language, Ack ack)
    : shard_(&shard),
      stanza_(std::move(stanza)),
      account_(account),
      session_(session),
      from_owner_(account != nullptr && stanza_->from.bare() == account->jid.full()),
      language_(language),
      ack_(ack) {}

IqRequest::IqRequest(IqRequest&& other) noexcept
    : shard_(other.shard_),
      stanza_(std::move(other.stanza_)),
      account_(other.account_),
      session_(other.session_),
      from_owner_(other.from_owner_),
      language_(other.language_),
      ack_(other.ack_) {}

IqRequest::~IqRequest() {
  if (stanza_) {
    error({.type = StanzaError::Type::cancel,
           .condition = "internal-server-error",
           .text = {"The server did not answer this request.", "Le serveur n’a pas répondu à cette requête."}});
  }
}

std::string IqRequest::host() const {
  return std::string(stanza_->to ? stanza_->to->domain() : stanza_->from.domain());
}

void IqRequest::result(std::string children) {
  if (!stanza_) return;
  const auto stanza = std::move(stanza_);
  auto from = stanza->to ? *stanza->to : stanza->from.to_bare();
  answer(make_iq("result", stanza->id, std::move(from), stanza->from, std::move(children)), stanza->from);
}

void IqRequest::error(const StanzaError& error) { error_with_echo(error, {}); }

void IqRequest::error_with_echo(const StanzaError& error, std::string echo) {
  if (!stanza_) return;
  const auto stanza = std::move(stanza_);
  auto reply = make_error(*stanza, error, language_);
  reply->children.insert(0, echo);
  answer(std::move(reply), stanza->from);
}

void IqRequest::deny(const StanzaError& error, std::string reason) {
  if (!stanza_) return;
  Flow flow;
  flow.stanza = stanza_;
  describe(flow);
  flow.record.kind = audit::Kind::denied;
  flow.record.verdict = audit::Outcome::refused;
  flow.record.reason = std::move(reason);
  if (account_ != nullptr) flow.record.recipient = target().str();
  flow.record.origin = origin();
  shard_->record(std::move(flow.record));
  this->error(error);
}

Ref<const audit::Origin> IqRequest::origin() const {
  const auto* own = from_owner_ ? shard_->find_account(from().bare()) : nullptr;
  const auto* sender = own == nullptr ? nullptr : own->find(from().resource());
  if (sender != nullptr) return sender->origin;
  return make_ref<audit::Origin>(audit::Origin::Members{.jid = from().bare(), .resource = from().resource()});
}

void IqRequest::answer(StanzaPtr stanza, const Jid& asker) {
  shard_->route(std::move(stanza));
  shard_->handled(ack_, asker);
}

}  // namespace valise::core
