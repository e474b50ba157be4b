#include "storage/sqlite/store.hpp"

#include <fcntl.h>
#include <fmt/core.h>
#include <unistd.h>

#include <cstring>

#include "storage/sql/reader.hpp"

namespace valise::storage {
namespace {

class SqliteStore final : public Store {
 public:
  explicit SqliteStore(std::string path) : path_(std::move(path)) {}

  Result<> migrate() override {
    auto connection = sqlite::Connection::open(path_, sqlite::Mode::writer);
    if (!connection) return std::unexpected(connection.error());
    return sqlite::migrate(**connection, sql::sqlite_migrations());
  }
  Result<std::unique_ptr<Reader>> open_reader() override {
    return sql::SqlReader::open([path = path_]() -> Result<std::unique_ptr<sql::Connection>> {
      return sqlite::Connection::open(path, sqlite::Mode::reader);
    });
  }
  Result<std::unique_ptr<Writer>> open_writer() override { return sqlite::open_writer(path_); }
  std::string describe() const override { return "sqlite " + path_; }

 private:
  const std::string path_;
};

}  // namespace

// Creates the file where it is missing, readable by its owner alone; SQLite gives the files beside it the same mode.
Result<std::unique_ptr<Store>> open_sqlite(SqliteOptions options) {
  if (sqlite3_threadsafe() == 0) return fail(ErrorCode::internal, "this SQLite was built without threads");
  const int file = ::open(options.path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (file < 0) {
    return fail(ErrorCode::unavailable, fmt::format("sqlite {}: {}", options.path, std::strerror(errno)));
  }
  ::close(file);
  return std::make_unique<SqliteStore>(std::move(options.path));
}

}  // namespace valise::storage
