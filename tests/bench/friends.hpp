// Rosters: mutual subscriptions made by the ordinary protocol.
#pragma once

#include <vector>

#include "dialer.hpp"

namespace valise::bench {

// Each hub and each contact see each other's presence (RFC 6121 §3) when it returns; all of them have a session. What
// exists from an earlier run is left as it is. False when it took too long: failures say so.
[[nodiscard]] bool befriend(Town& town, const std::vector<Client*>& hubs, const std::vector<Client*>& contacts);

}  // namespace valise::bench
