// What a MariaDB error number means for the caller.
#pragma once

#include "base/error.hpp"

namespace valise::storage::mariadb {

struct Fault {
  ErrorCode code;
  bool lost;  // the connection is gone or not to be used again
};

// conflict: a deadlock, a lock wait that was too long, a Galera certification failure: repeat the whole transaction.
// unavailable: the server or the way to it is away, shutting down, full, read-only, not synced.
[[nodiscard]] Fault sort(unsigned error_number) noexcept;

}  // namespace valise::storage::mariadb
