#include "modules/pep/access.hpp"

#include <algorithm>

#include "core/namespaces.hpp"
#include "xml/writer.hpp"

namespace valise::modules::pep {
namespace {

using Type = core::StanzaError::Type;
using Refusal = std::optional<core::StanzaError>;

core::StanzaError refused(Type type, std::string_view condition, std::string_view pubsub) {
  return {.type = type, .condition = condition, .application = pubsub.empty() ? "" : pubsub_condition(pubsub)};
}

bool in_group(const NodeConfig& config, const Requester& requester) {
  return std::ranges::any_of(requester.groups, [&config](const std::string& group) {
    return std::ranges::binary_search(config.groups, group);
  });
}

// What affiliations decide before any model is asked (§4.1): true, the answer is `refusal`.
bool decided(const NodeConfig& config, const Requester& requester, bool owner_only, Refusal& refusal) {
  if (requester.owner) return true;
  if (owner_only) {
    refusal = refused(Type::cancel, "not-allowed", "closed-node");
    return true;
  }
  switch (affiliation_of(config, requester)) {
    case Affiliation::outcast:
    case Affiliation::publish_only:
      refusal = refused(Type::auth, "forbidden", {});
      return true;
    case Affiliation::member:
    case Affiliation::publisher:
      return true;
    case Affiliation::none:
      return false;
  }
  return false;
}

Refusal model_refusal(const NodeConfig& config, const Requester& requester) {
  switch (config.access) {
    case AccessModel::open:
    case AccessModel::authorize:
      return std::nullopt;
    case AccessModel::presence:
      if (requester.sees_presence) return std::nullopt;
      return refused(Type::auth, "not-authorized", "presence-subscription-required");
    case AccessModel::roster:
      if (requester.sees_presence && in_group(config, requester)) return std::nullopt;
      return refused(Type::auth, "not-authorized", "not-in-roster-group");
    case AccessModel::whitelist:
      break;
  }
  return refused(Type::cancel, "not-allowed", "closed-node");
}

}  // namespace

std::string pubsub_condition(std::string_view name, std::string_view feature) {
  std::string out;
  xml::Writer(out).open(name, core::ns::pubsub_errors).attribute_if("feature", feature).close();
  return out;
}

Affiliation affiliation_of(const NodeConfig& config, const Requester& requester) {
  const auto found = config.affiliations.find(requester.bare);
  return found == config.affiliations.end() ? Affiliation::none : found->second;
}

Refusal read_refusal(const NodeConfig& config, const Requester& requester, bool owner_only) {
  Refusal refusal;
  if (decided(config, requester, owner_only, refusal)) return refusal;
  if (config.access == AccessModel::authorize && addresses_of(config.subscribers, requester.bare).empty()) {
    return refused(Type::auth, "not-authorized", "not-subscribed");  // §6.5.9.3
  }
  return model_refusal(config, requester);
}

Refusal subscribe_refusal(const NodeConfig& config, const Requester& requester, bool owner_only) {
  Refusal refusal;
  if (decided(config, requester, owner_only, refusal)) return refusal;
  return model_refusal(config, requester);
}

bool needs_approval(const NodeConfig& config, const Requester& requester) {
  return config.access == AccessModel::authorize && !requester.owner &&
         affiliation_of(config, requester) == Affiliation::none;
}

Refusal publish_refusal(const NodeConfig& config, const Requester& requester) {
  if (requester.owner) return std::nullopt;
  const auto affiliation = affiliation_of(config, requester);
  if (is_publishing(affiliation)) return std::nullopt;
  const bool subscribed = !addresses_of(config.subscribers, requester.bare).empty();
  const bool by_model =
      config.publish == PublishModel::open || (config.publish == PublishModel::subscribers && subscribed);
  if (by_model && affiliation != Affiliation::outcast) return std::nullopt;
  return refused(Type::auth, "forbidden", {});
}

bool account_is_visible(const Requester& requester, bool has_open_node) noexcept {
  return requester.owner || requester.insider || requester.sees_presence || has_open_node;
}

}  // namespace valise::modules::pep
