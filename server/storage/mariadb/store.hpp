// The store of production: MariaDB over blocking connections, one for the committer's thread, one for each reader.
#pragma once

#include "storage/mariadb/connection.hpp"
#include "storage/sql/migration.hpp"

namespace valise::storage::mariadb {

// Brings the schema to the newest of `migrations`, one node at a time. DDL commits by itself here: the version is
// noted after the last statement, and a migration that broke off is run again from its first. `then` is run at the end,
// still with no other node at it.
Result<> migrate(
    Connection& connection, std::span<const sql::Migration> migrations,
    const std::function<Result<>(Connection&)>& then = [](Connection&) -> Result<> { return {}; });

// Sees to it that msg and box have a partition for each week up to twelve weeks after `now_ms` (UTC). Rows beyond the
// last week are taken by the partition `later` and moved to their weeks here, so a server that never restarts stays
// correct.
Result<> add_partitions(Connection& connection, std::int64_t now_ms);

// Ends the connection of an earlier writer to this database, if the server still has one: what that was committing is
// committed or undone when this returns. Errors: conflict, when it does not go.
Result<> end_earlier_writer(Connection& connection);

// Ends an earlier writer's connection, likewise.
Result<std::unique_ptr<Writer>> open_writer(const MariadbOptions& options);

}  // namespace valise::storage::mariadb
