// The embedded store: one file in WAL mode, one writer, readers with read-only connections of their own.
#pragma once

#include "storage/sql/migration.hpp"
#include "storage/sqlite/connection.hpp"
#include "storage/store.hpp"

namespace valise::storage::sqlite {

// Brings the schema to the newest of `migrations`, each in a transaction of its own.
Result<> migrate(Connection& connection, std::span<const sql::Migration> migrations);

Result<std::unique_ptr<Writer>> open_writer(const std::string& path);

}  // namespace valise::storage::sqlite
