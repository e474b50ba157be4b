// The errors of XEP-0060 that PEP answers with.
#pragma once

#include <string_view>

#include "core/stanza.hpp"
#include "modules/pep/access.hpp"

namespace valise::modules::pep::errors {

using Type = core::StanzaError::Type;

inline core::StanzaError of(Type type, std::string_view condition, std::string_view pubsub = {},
                            std::string_view feature = {}) {
  return {.type = type,
          .condition = condition,
          .application = pubsub.empty() ? std::string() : pubsub_condition(pubsub, feature)};
}
inline core::StanzaError bad_request(std::string_view pubsub = {}) { return of(Type::modify, "bad-request", pubsub); }
inline core::StanzaError not_acceptable(std::string_view pubsub = {}) {
  return of(Type::modify, "not-acceptable", pubsub);
}
inline core::StanzaError forbidden() { return of(Type::auth, "forbidden"); }
inline core::StanzaError item_not_found() { return of(Type::cancel, "item-not-found"); }
inline core::StanzaError unsupported(std::string_view feature) {
  return of(Type::cancel, "feature-not-implemented", "unsupported", feature);
}
inline core::StanzaError not_subscribed() { return of(Type::cancel, "unexpected-request", "not-subscribed"); }
// §6.1.3.9
inline core::StanzaError too_many_subscriptions(core::Text text) {
  auto error = of(Type::wait, "policy-violation", "too-many-subscriptions");
  error.text = text;
  return error;
}
inline core::StanzaError precondition_not_met() { return of(Type::cancel, "conflict", "precondition-not-met"); }
inline core::StanzaError too_many(core::Text text) {
  return {.type = Type::wait, .condition = "resource-constraint", .text = text};
}

}  // namespace valise::modules::pep::errors
