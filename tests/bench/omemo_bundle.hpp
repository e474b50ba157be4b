// Key material that a server can check: signatures verify, points are in range. Nobody keeps the private keys.
#pragma once

#include <string>

namespace valise::bench {

// The <bundle/> of a new random device: identity key, signed prekey with a libsignal-style signature, 25 prekeys.
[[nodiscard]] std::string make_bundle();

}  // namespace valise::bench
