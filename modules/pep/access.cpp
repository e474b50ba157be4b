#include "modules/pep/access.hpp"

#include <algorithm>

#include "core/namespaces.hpp"
#include "xml/writer.hpp"

namespace valise::modules::pep {
namespace {

core::StanzaError refused(core::StanzaError::Type type, std::string_view condition, std::string_view pubsub) {
  return {.type = type, .condition = condition, .application = pubsub.empty() ? "" : pubsub_condition(pubsub)};
}

}  // namespace

std::string pubsub_condition(std::string_view name, std::string_view feature) {
  std::string out;
  xml::Writer(out).open(name, core::ns::pubsub_errors).attribute_if("feature", feature).close();
  return out;
}

std::optional<core::StanzaError> read_refusal(const NodeConfig& config, const Requester& requester, bool owner_only) {
  using Type = core::StanzaError::Type;
  if (requester.owner) return std::nullopt;
  if (owner_only) return refused(Type::cancel, "not-allowed", "closed-node");
  const auto found = config.affiliations.find(requester.bare);
  if (found != config.affiliations.end()) {
    if (found->second == Affiliation::outcast) return refused(Type::auth, "forbidden", {});
    if (found->second == Affiliation::member) return std::nullopt;
  }
  switch (config.access) {
    case AccessModel::open:
      return std::nullopt;
    case AccessModel::presence:
      if (requester.sees_presence) return std::nullopt;
      return refused(Type::auth, "not-authorized", "presence-subscription-required");
    case AccessModel::roster: {
      const bool in_group = std::ranges::any_of(requester.groups, [&config](const std::string& group) {
        return std::ranges::binary_search(config.groups, group);
      });
      if (requester.sees_presence && in_group) return std::nullopt;
      return refused(Type::auth, "not-authorized", "not-in-roster-group");
    }
    case AccessModel::whitelist:
      break;
  }
  return refused(Type::cancel, "not-allowed", "closed-node");
}

bool account_is_visible(const Requester& requester, bool has_open_node) noexcept {
  return requester.owner || requester.insider || requester.sees_presence || has_open_node;
}

}  // namespace valise::modules::pep
