// How a connection comes to be: options, TLS, the password's file, session settings, and the server's promise that what
// it has committed is on disk.
#pragma once

#include <mysql.h>

#include <memory>

#include "storage/store.hpp"

namespace valise::storage::mariadb {

struct CloseHandle {
  void operator()(MYSQL* handle) const noexcept { mysql_close(handle); }
};
using Handle = std::unique_ptr<MYSQL, CloseHandle>;

enum class Role : std::uint8_t {
  reader,
  writer,    // its transactions begin by themselves; one a database (writer.cpp)
  migrator,  // changes the schema: waits for an answer as long as the server works on it
};

// What is wrong with the options, before anything is opened: no address or two, a host without a CA (TLS is never
// optional there), a password file that is missing or that others may read.
[[nodiscard]] Result<> check(const MariadbOptions& options);

// Takes up to options.connect_timeout_s. Errors: `unavailable` (away, wrong certificate, refused log-in); `denied` for
// a server that does not keep commits safe (see refuse_if_unsafe in connect.cpp).
[[nodiscard]] Result<Handle> connect(const MariadbOptions& options, Role role);

// The error that the handle holds, sorted (errors.hpp); `what` begins its text.
[[nodiscard]] Error error_of(MYSQL* handle, std::string_view what);

}  // namespace valise::storage::mariadb
