#include <fmt/core.h>

#include "base/clock.hpp"
#include "storage/mariadb/store.hpp"

namespace valise::storage::mariadb {
namespace {

Result<> apply(Connection& connection, const sql::Migration& migration) {
  for (const auto statement : sql::statements(migration.script)) {
    if (auto done = connection.execute(statement); !done) return done;
  }
  return connection.execute(
      fmt::format("INSERT INTO schema_version (version, applied_ms) VALUES ({}, {})", migration.version, utc_now_ms()));
}

Result<> run(Connection& connection, std::span<const sql::Migration> migrations) {
  if (auto done = connection.execute("CREATE TABLE IF NOT EXISTS schema_version (version INT UNSIGNED NOT NULL "
                                     "PRIMARY KEY, applied_ms BIGINT NOT NULL) ENGINE=InnoDB");
      !done) {
    return done;
  }
  const auto current = connection.number("SELECT MAX(version) FROM schema_version");
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

}  // namespace

Result<> migrate(Connection& connection, std::span<const sql::Migration> migrations,
                 const std::function<Result<>(Connection&)>& then) {
  // The lock's name holds the database's: it belongs to the whole server. The connection's end frees it too.
  const auto locked = connection.number("SELECT GET_LOCK(CONCAT('valise.', LEFT(DATABASE(), 50)), 8)");
  if (!locked) return std::unexpected(locked.error());
  if (*locked != 1) return fail(ErrorCode::unavailable, "mariadb: another node is changing the schema");
  auto done = run(connection, migrations);
  if (done) done = then(connection);
  if (!connection.lost()) {
    const auto unlocked = connection.number("SELECT RELEASE_LOCK(CONCAT('valise.', LEFT(DATABASE(), 50)))");
    if (done && !unlocked) return std::unexpected(unlocked.error());
  }
  return done;
}

}  // namespace valise::storage::mariadb
