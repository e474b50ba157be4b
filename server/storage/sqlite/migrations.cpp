#include <fmt/core.h>

#include "base/clock.hpp"
#include "base/log.hpp"
#include "storage/sqlite/store.hpp"

namespace valise::storage::sqlite {
namespace {

Result<> apply(Connection& connection, const sql::Migration& migration) {
  if (auto done = connection.execute("BEGIN IMMEDIATE"); !done) return done;
  auto done = connection.execute(std::string(migration.script).c_str());
  if (done) {
    done = connection.execute(
        fmt::format("INSERT INTO schema_version (version, applied_ms) VALUES ({}, {})", migration.version, utc_now_ms())
            .c_str());
  }
  if (done) done = connection.execute("COMMIT");
  if (!done && !connection.roll_back()) log::warning("storage", "migration: roll-back failed, the log will undo it");
  return done;
}

}  // namespace

Result<> migrate(Connection& connection, std::span<const sql::Migration> migrations) {
  if (auto done = connection.execute("CREATE TABLE IF NOT EXISTS schema_version "
                                     "(version INTEGER NOT NULL PRIMARY KEY, applied_ms INTEGER NOT NULL)");
      !done) {
    return done;
  }
  const auto current = connection.number("SELECT max(version) FROM schema_version");
  if (!current) return std::unexpected(current.error());
  auto version = static_cast<unsigned>(*current);
  const auto todo = sql::missing(migrations, version);
  if (!todo) return std::unexpected(todo.error());
  for (const auto& migration : *todo) {
    if (auto done = apply(connection, migration); !done) return sql::migration_failed(migration, done.error(), version);
    version = migration.version;
  }
  return {};
}

}  // namespace valise::storage::sqlite
