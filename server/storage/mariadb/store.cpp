#include "storage/mariadb/store.hpp"

#include <fmt/core.h>

#include "base/clock.hpp"
#include "storage/sql/reader.hpp"

namespace valise::storage {
namespace {

class MariadbStore final : public Store {
 public:
  explicit MariadbStore(MariadbOptions options) : options_(std::move(options)) {}

  // The lock belongs to a connection of its own and goes with this process; a moment of patience for one that was
  // killed just now.
  Result<> claim() override {
    static constexpr std::string_view name = "CONCAT('valise.writer.', LEFT(DATABASE(), 40))";
    auto connection = mariadb::Connection::open(options_, mariadb::Role::reader);
    if (!connection) return std::unexpected(connection.error());
    if (auto done = (*connection)->execute("SET SESSION wait_timeout = 31536000"); !done) return done;
    const auto locked = (*connection)->number(fmt::format("SELECT GET_LOCK({}, 5)", name));
    if (!locked) return std::unexpected(locked.error());
    if (*locked != 1) {
      const auto holder = (*connection)->number(fmt::format("SELECT IS_USED_LOCK({})", name));
      if (!holder) return std::unexpected(holder.error());
      return fail(ErrorCode::conflict,
                  fmt::format("mariadb: another valised writes to {} (its connection is {}); if its "
                              "machine is gone, free it with KILL {}",
                              options_.database, *holder, *holder));
    }
    if (auto done = mariadb::end_earlier_writer(**connection); !done) return done;
    claim_ = std::move(*connection);
    return {};
  }
  Result<> migrate() override {
    auto connection = mariadb::Connection::open(options_, mariadb::Role::migrator);
    if (!connection) return std::unexpected(connection.error());
    return mariadb::migrate(**connection, sql::mariadb_migrations(), [](mariadb::Connection& migrated) {
      return mariadb::add_partitions(migrated, utc_now_ms());
    });
  }
  Result<std::unique_ptr<Reader>> open_reader() override {
    return sql::SqlReader::open([options = options_]() -> Result<std::unique_ptr<sql::Connection>> {
      return mariadb::Connection::open(options, mariadb::Role::reader);
    });
  }
  Result<std::unique_ptr<Writer>> open_writer() override { return mariadb::open_writer(options_); }
  Result<> settle() override { return {}; }
  std::string describe() const override {
    return options_.host.empty()
               ? fmt::format("mariadb {} at {}", options_.database, options_.unix_socket)
               : fmt::format("mariadb {} at {}:{} (TLS)", options_.database, options_.host, options_.port);
  }

 private:
  const MariadbOptions options_;
  std::unique_ptr<mariadb::Connection> claim_;
};

}  // namespace

// Looks at the options and files only; the first connection is made by migrate().
Result<std::unique_ptr<Store>> open_mariadb(MariadbOptions options) {
  if (auto good = mariadb::check(options); !good) return std::unexpected(good.error());
  return std::make_unique<MariadbStore>(std::move(options));
}

}  // namespace valise::storage
