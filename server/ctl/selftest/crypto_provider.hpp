#pragma once

#include <omemo/signal_protocol.h>

namespace valise::ctl::selftest {

// What libomemo-c asks of its program: random bytes, HMAC, digest and AES; here they are OpenSSL's.
[[nodiscard]] signal_crypto_provider crypto_provider();

}  // namespace valise::ctl::selftest
