// Where browsers reach a host: what is told to them begins so.
#pragma once

#include <string>

#include "config/findings.hpp"
#include "config/snapshot.hpp"

namespace valise::core {

// "https://chat.example.org" or "https://example.org:5281", no path: http.url, or, where that is empty, the host's own
// name in DNS with the port of the first listen.https, unless it is 443 or a proxy is declared. `host`: canonical.
[[nodiscard]] std::string web_address(const config::Snapshot& config, const std::string& host);

// The name in such an address, as the Host field of a request has it: no port, no brackets.
[[nodiscard]] std::string name_in_web_address(const std::string& address);

// An option of hosts that means something where there is a web listener only. Otherwise an error where it is switched
// on.
void needs_web_listener(const config::Snapshot& config, const config::Option<bool>& enabled,
                        config::Findings& findings);

}  // namespace valise::core
