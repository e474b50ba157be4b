// Why a publication is refused. Private to modules/pep.
#pragma once

#include "modules/pep/allow_list.hpp"
#include "modules/pep/errors.hpp"
#include "modules/pep/module.hpp"

namespace valise::modules::pep {

inline Denial malformed(std::string_view pubsub) { return {errors::bad_request(pubsub), {}}; }
inline Denial not_here(AllowFault fault) {
  return {{.type = errors::Type::modify, .condition = "policy-violation", .text = describe(fault)},
          std::string(reason_of(fault))};
}
inline Denial bad_keys(PayloadFault fault) {
  const auto detail = describe(fault);
  Denial denial{errors::bad_request("invalid-payload"), "omemo-keys"};
  denial.error.text_en = "OMEMO keys refused: " + std::string(detail.english) + ". Reset OMEMO in the app.";
  denial.error.text_fr =
      "Clés OMEMO refusées : " + std::string(detail.french) + ". Réinitialisez OMEMO dans l’application.";
  return denial;
}

}  // namespace valise::modules::pep
