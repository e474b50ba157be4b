// Subscriptions by invitation (XEP-0379, XEP-0401): what people agreed to with a link needs no other question.
#include "core/invitations.hpp"
#include "modules/roster/module.hpp"

namespace valise::modules::roster {
namespace {

constexpr std::string_view ns_pars = "urn:xmpp:pars:0";

}  // namespace

void RosterModule::befriend(core::Account& account, const core::Jid& contact, const std::vector<std::string>& groups,
                            std::move_only_function<void(bool durable)> then) {
  const auto* before = book(account).find(contact.full());
  const bool is_new = before == nullptr || is_hidden(*before);
  const auto state = before == nullptr ? State() : state_of(*before);
  const State both{.subscription = storage::Subscription::both};
  if (!is_new && state == both) return account.in_order([then = std::move(then)]() mutable { then(true); });
  if (is_new && book(account).visible() >= shard_.settings().roster_items) return then(false);
  auto next = row_of(before, contact.full(), both);
  if (is_new && next) next->groups = groups;
  write(account, contact.str(), std::move(next), std::nullopt, sizeof then + contact.str().size(),
        [this, contact, then = std::move(then)](core::Account& owner, bool durable) mutable {
          if (durable) show(owner, contact, true);
          then(durable);
        });
}

void RosterModule::accept(core::Account& account, const core::Jid& contact,
                          std::move_only_function<void(bool durable)> then) {
  const auto* before = book(account).find(contact.full());
  const bool is_new = before == nullptr || is_hidden(*before);
  const auto state = before == nullptr ? State() : state_of(*before);
  if (is_new && book(account).visible() >= shard_.settings().roster_items) return then(false);
  // As if the request had come, and its owner had said yes and asked in return (RFC 6121 appendix A).
  const auto asked = receive(state, Step::subscribe);
  const auto granted = send(asked.next, Step::subscribed);
  const auto asking = send(granted.next, Step::subscribe);
  const bool tells = granted.route || asked.reply.has_value() || has_from(state.subscription);
  write(
      account, contact.str(), row_of(before, contact.full(), asking.next), std::nullopt,
      sizeof then + contact.str().size(),
      [this, contact, tells, asks = asking.route, then = std::move(then)](core::Account& owner, bool durable) mutable {
        if (durable) {
          if (tells) shard_.route(core::make_presence("subscribed", owner.jid, contact));
          if (asks) shard_.route(core::make_presence("subscribe", owner.jid, contact));
          show(owner, contact, true);
        }
        then(durable);
      });
}

bool RosterModule::shows_token(core::Flow& flow) {
  const auto token = flow.stanza->child("preauth", ns_pars).attribute_or_empty("token");
  auto* invitations = shard_.service<core::Invitations>();
  if (token.empty() || invitations == nullptr || !invitations->enabled(flow.recipient->jid.domain())) return false;
  const auto inviter = flow.recipient->jid;
  const auto contact = flow.stanza->from.to_bare();
  const std::string shown(token);
  auto waiting = std::make_shared<core::Flow>(std::move(flow));
  invitations->use_for_contact(shown, inviter, contact, [this, inviter, waiting](bool holds) {
    // His account may have left memory, or the server, meanwhile.
    shard_.with_account(inviter, [this, waiting, holds](core::Account* account) {
      if (account == nullptr || !account->exists) return shard_.handled(*waiting);
      waiting->recipient = account;
      redeemed(std::move(*waiting), holds);
    });
  });
  return true;
}

// XEP-0379 §4.1: a token that is not good is as if it were not there.
void RosterModule::redeemed(core::Flow flow, bool holds) {
  if (!holds) return receive_from(std::move(flow), Step::subscribe);
  auto& account = *flow.recipient;
  const auto contact = flow.stanza->from.to_bare();
  accept(account, contact, [this, flow = std::move(flow)](bool durable) {
    if (!durable) return failed(flow);
    shard_.handled(flow);
  });
}

}  // namespace valise::modules::roster
