#include "storage/mariadb/store.hpp"

#include <fmt/core.h>

#include "base/clock.hpp"
#include "storage/sql/reader.hpp"

namespace valise::storage {
namespace {

class MariadbStore final : public Store {
 public:
  explicit MariadbStore(MariadbOptions options) : options_(std::move(options)) {}

  Result<> migrate() override {
    auto connection = mariadb::Connection::open(options_, mariadb::Role::reader);
    if (!connection) return std::unexpected(connection.error());
    return mariadb::migrate(**connection, sql::mariadb_migrations(), [](mariadb::Connection& migrated) {
      return mariadb::add_partitions(migrated, utc_now_ns() / 1'000'000);
    });
  }
  Result<std::unique_ptr<Reader>> open_reader() override {
    return sql::SqlReader::open([options = options_]() -> Result<std::unique_ptr<sql::Connection>> {
      return mariadb::Connection::open(options, mariadb::Role::reader);
    });
  }
  Result<std::unique_ptr<Writer>> open_writer() override { return mariadb::open_writer(options_); }
  std::string describe() const override {
    return options_.host.empty()
               ? fmt::format("mariadb {} at {}", options_.database, options_.unix_socket)
               : fmt::format("mariadb {} at {}:{} (TLS)", options_.database, options_.host, options_.port);
  }

 private:
  const MariadbOptions options_;
};

}  // namespace

// Looks at the options and files only; the first connection is made by migrate().
Result<std::unique_ptr<Store>> open_mariadb(MariadbOptions options) {
  if (auto good = mariadb::check(options); !good) return std::unexpected(good.error());
  return std::make_unique<MariadbStore>(std::move(options));
}

}  // namespace valise::storage
