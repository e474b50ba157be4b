// Device lists and bundles whose signatures verify, for servers that only let listed devices send.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "dialer.hpp"

namespace valise::bench {

// The <bundle/> of a new random device: identity key, signed prekey with a libsignal-style signature, 25 prekeys.
[[nodiscard]] std::string make_bundle();

// Publishes for each client's account both devices' bundles and then the device list (PEP), and waits for the
// answers. False when the server refuses one: town.failures says why.
[[nodiscard]] bool publish_devices(Town& town, const std::vector<Client*>& clients);

}  // namespace valise::bench
