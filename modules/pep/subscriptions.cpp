// XEP-0060 §6.1, §6.2, §5.6, §5.7: explicit subscriptions, by anybody whom a node admits. They are kept with the node's
// configuration and need no presence.
#include <algorithm>

#include "core/namespaces.hpp"
#include "modules/pep/errors.hpp"
#include "modules/pep/module.hpp"
#include "xml/writer.hpp"

namespace valise::modules::pep {
namespace {

struct Asked {
  std::string node;
  core::Jid jid;
};

std::expected<Asked, core::StanzaError> read_asked(xml::Element element) {
  const auto node = element.attribute_or_empty("node");
  if (node.empty()) return std::unexpected(errors::bad_request("nodeid-required"));
  auto jid = core::Jid::parse(element.attribute_or_empty("jid"));
  if (!jid) return std::unexpected(errors::bad_request("invalid-jid"));
  return Asked{std::string(node), std::move(*jid)};
}

std::string subscription(std::string_view node, std::string_view jid, std::string_view state) {
  std::string out;
  xml::Writer writer(out);
  writer.open("pubsub", core::ns::pubsub).open("subscription");
  writer.attribute("node", node).attribute("jid", jid).attribute("subscription", state).close().close();
  return out;
}

}  // namespace

void Pep::subscribe(core::Account& account, core::IqRequest request, xml::Element element) {
  auto asked = read_asked(element);
  if (!asked) return request.error(asked.error());
  const auto& jid = asked->jid;
  // §6.1.3.1: oneself, with or without the resource. Another device of one's own may be gone without notice.
  if (jid != request.from() && jid.full() != request.from().bare()) {
    return request.error(errors::bad_request("invalid-jid"));
  }
  auto* state = find_shown(account, asked->node);
  const auto who = requester(account, request.from());
  if (state == nullptr || is_kept_back(account, asked->node, who)) return not_found(request);
  auto& config = state->config;
  if (auto refusal = subscribe_refusal(config, who, is_owners_alone(account, asked->node))) {
    return request.error(*refusal);
  }
  if (!config.subscribe) return request.error(errors::unsupported("subscribe"));  // §6.1.3.10
  // §6.1.6: one subscription an address; asking again is answered by what there is.
  if (config.subscribers.contains(jid.str()))
    return request.result(subscription(asked->node, jid.full(), "subscribed"));
  if (config.pending.contains(jid.str())) {
    return request.error(errors::of(errors::Type::auth, "not-authorized", "pending-subscription"));  // §6.1.3.7
  }
  const bool pending = needs_approval(config, who);
  if (pending) {  // the latest address of a person is the one that waits
    for (const auto& earlier : addresses_of(config.pending, jid.bare())) config.pending.erase(earlier);
  }
  if (!add_subscriber(pending ? config.pending : config.subscribers, jid.bare(), jid.full())) {
    return request.error(
        errors::too_many_subscriptions({"This node has too many subscribers.", "Ce nœud a trop d’abonnés."}));
  }
  auto answer = subscription(asked->node, jid.full(), pending ? "pending" : "subscribed");
  commit_config(account, std::move(request), asked->node, std::move(answer),
                [this, jid, pending, node = asked->node](core::Account& owner) {
                  if (!jid.is_bare()) remember_subscription(owner.jid, jid, node);
                  if (pending) return ask_owner(owner, node, jid.str(), nullptr);
                  subscribed(owner, node, jid);
                });
}

// What follows a subscription that has become durable.
void Pep::subscribed(core::Account& account, const std::string& node, const core::Jid& jid) {
  const auto* state = find(account, node);
  if (state == nullptr) return;
  if (state->config.notify_sub)
    tell_one(account, state->config, account.jid, subscription_event(node, jid.full(), "subscribed"));
  send_last(account, jid, {node}, SendLast::on_sub);
}

void Pep::unsubscribe(core::Account& account, core::IqRequest request, xml::Element element) {
  auto asked = read_asked(element);
  if (!asked) return request.error(asked.error());
  if (!asked->jid.same_bare(request.from())) return request.error(errors::forbidden());  // §6.2.3.3
  auto* state = find(account, asked->node);
  if (state == nullptr) return not_found(request);
  auto& config = state->config;
  const bool subscribed = config.subscribers.erase(asked->jid.str()) != 0;
  const bool waited = config.pending.erase(asked->jid.str()) != 0;
  if (!subscribed && !waited) return request.error(errors::not_subscribed());  // §6.2.3.2
  commit_config(account, std::move(request), asked->node, subscription(asked->node, asked->jid.full(), "none"),
                [this, subscribed, node = asked->node, jid = asked->jid.str()](core::Account& owner) {
                  const auto* left = find(owner, node);
                  if (!subscribed || left == nullptr || !left->config.notify_sub) return;  // a request is none yet
                  tell_one(owner, left->config, owner.jid, subscription_event(node, jid, "none"));
                });
}

// §5.6: all addresses of the one who asks.
void Pep::get_subscriptions(core::Account& account, core::IqRequest request, std::string_view only) {
  std::string out;
  xml::Writer writer(out);
  writer.open("pubsub", core::ns::pubsub).open("subscriptions").attribute_if("node", only);
  for (const auto& [node, state] : part(account).nodes) {
    if ((!only.empty() && node != only) || !may_create(account, node)) continue;
    for (const auto* all : {&state.config.subscribers, &state.config.pending}) {
      for (const auto& jid : addresses_of(*all, request.from().bare())) {
        writer.open("subscription").attribute("node", node).attribute("jid", jid);
        writer.attribute("subscription", all == &state.config.pending ? "pending" : "subscribed").close();
      }
    }
  }
  writer.close().close();
  request.result(std::move(out));
}

void Pep::get_affiliations(core::Account& account, core::IqRequest request, std::string_view only) {
  const auto bare = std::string(request.from().bare());
  std::string out;
  xml::Writer writer(out);
  writer.open("pubsub", core::ns::pubsub).open("affiliations").attribute_if("node", only);
  for (const auto& [node, state] : part(account).nodes) {
    if (!only.empty() && node != only) continue;
    if (!request.from_owner() && !may_create(account, node)) continue;
    const auto found = state.config.affiliations.find(bare);
    if (!request.from_owner() && found == state.config.affiliations.end()) continue;
    writer.open("affiliation").attribute("node", node);
    writer.attribute("affiliation", request.from_owner() ? "owner" : name_of(found->second)).close();
  }
  writer.close().close();
  request.result(std::move(out));
}

}  // namespace valise::modules::pep
