// OMEMO device lists and bundles by PEP, for servers that let only listed devices send.
#pragma once

#include <vector>

#include "dialer.hpp"

namespace valise::bench {

// Publishes for each client's account both devices' bundles and then the device list, and waits for the answers.
// False when the server refuses one: town.failures says why.
[[nodiscard]] bool publish_devices(Town& town, const std::vector<Client*>& clients);

}  // namespace valise::bench
