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

// §6.1.3.1: one subscribes oneself, with or without the resource.
std::expected<Asked, core::StanzaError> read_asked(xml::Element element, const core::Jid& from) {
  const auto node = element.attribute_or_empty("node");
  if (node.empty()) return std::unexpected(errors::bad_request("nodeid-required"));
  auto jid = core::Jid::parse(element.attribute_or_empty("jid"));
  if (!jid || (jid->full() != from.full() && jid->full() != from.bare())) {
    return std::unexpected(errors::bad_request("invalid-jid"));
  }
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

void Pep::subscribe(core::Account& account, core::IqRequest request, xml::Element element, Turn) {
  auto asked = read_asked(element, request.from());
  if (!asked) return request.error(asked.error());
  auto* state = find(account, asked->node);
  if (state == nullptr) return not_found(request);
  const auto who = requester(account, request.from());
  if (auto refusal = refusal_for(account, asked->node, state->config, who)) return request.error(*refusal);
  const auto& subscribers = state->config.subscribers;
  if (subscribers.contains(asked->jid.str())) {
    return request.result(subscription(asked->node, asked->jid.full(), "subscribed"));
  }
  if (!add_subscriber(state->config, asked->jid.bare(), asked->jid.full())) {
    return request.error(errors::too_many({"This node has too many subscribers.", "Ce nœud a trop d’abonnés."}));
  }
  auto answer = subscription(asked->node, asked->jid.full(), "subscribed");
  commit_config(account, std::move(request), asked->node, std::move(answer),
                [this, jid = asked->jid, node = asked->node](core::Account& owner) {
                  send_last(owner, jid, {node}, SendLast::on_sub);
                });
}

void Pep::unsubscribe(core::Account& account, core::IqRequest request, xml::Element element, Turn) {
  auto asked = read_asked(element, request.from());
  if (!asked) return request.error(asked.error());
  auto* state = find(account, asked->node);
  if (state == nullptr) return not_found(request);
  if (state->config.subscribers.erase(asked->jid.str()) == 0) {
    return request.error(errors::of(errors::Type::cancel, "unexpected-request", "not-subscribed"));  // §6.2.3.2
  }
  commit_config(account, std::move(request), asked->node, subscription(asked->node, asked->jid.full(), "none"));
}

void Pep::get_subscriptions(core::Account& account, core::IqRequest request, std::string_view only) {
  std::string out;
  xml::Writer writer(out);
  writer.open("pubsub", core::ns::pubsub).open("subscriptions").attribute_if("node", only);
  for (const auto& [node, state] : part(account).nodes) {
    if (!only.empty() && node != only) continue;
    for (const auto& jid : state.config.subscribers) {
      if (jid != request.from().bare() && jid != request.from().full()) continue;
      writer.open("subscription").attribute("node", node).attribute("jid", jid);
      writer.attribute("subscription", "subscribed").close();
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
    const auto found = state.config.affiliations.find(bare);
    if (!request.from_owner() && found == state.config.affiliations.end()) continue;
    writer.open("affiliation").attribute("node", node);
    writer.attribute("affiliation", request.from_owner() ? "owner" : name_of(found->second)).close();
  }
  writer.close().close();
  request.result(std::move(out));
}

}  // namespace valise::modules::pep
