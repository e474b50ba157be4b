// The store of production: MariaDB over blocking connections, one for the committer's thread, one for each reader.
#pragma once

#include "storage/mariadb/connection.hpp"
#include "storage/sql/migration.hpp"

namespace valise::storage::mariadb {

// Brings the schema to the newest of `migrations`, one node at a time. DDL commits by itself here: the version is
// noted after the last statement, and a migration that broke off is run again from its first.
Result<> migrate(Connection& connection, std::span<const sql::Migration> migrations);

Result<std::unique_ptr<Writer>> open_writer(const MariadbOptions& options);

}  // namespace valise::storage::mariadb
