// Invitations by valisectl. Control threads.
#pragma once

#include <stop_token>

#include <nlohmann/json.hpp>

#include "base/error.hpp"

namespace valise {

class App;

// `request`: to ("example.org" or "name@example.org"), inviter, groups, uses, days; gives uri, web, id, expires.
[[nodiscard]] Result<nlohmann::json> new_invitation(App& app, const nlohmann::json& request,
                                                    const std::stop_token& stop);
// host, or all.
[[nodiscard]] Result<nlohmann::json> list_invitations(App& app, const nlohmann::json& request,
                                                      const std::stop_token& stop);
// host, id
[[nodiscard]] Result<nlohmann::json> revoke_invitation(App& app, const nlohmann::json& request,
                                                       const std::stop_token& stop);

}  // namespace valise
