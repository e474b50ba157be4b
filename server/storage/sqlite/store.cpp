#include "storage/sqlite/store.hpp"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/file.h>
#include <unistd.h>

#include <cstring>

#include "storage/sql/reader.hpp"

namespace valise::storage {
namespace {

class SqliteStore final : public Store {
 public:
  explicit SqliteStore(std::string path) : path_(std::move(path)) {}
  ~SqliteStore() override {
    if (lock_ >= 0) ::close(lock_);
  }
  SqliteStore(const SqliteStore&) = delete;
  SqliteStore& operator=(const SqliteStore&) = delete;

  // A file of its own: closing any descriptor of the database file would drop SQLite's own locks.
  Result<> claim() override {
    const auto name = path_ + ".lock";
    lock_ = ::open(name.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (lock_ >= 0 && ::flock(lock_, LOCK_EX | LOCK_NB) == 0) return {};
    if (lock_ >= 0 && errno == EWOULDBLOCK) {
      return fail(ErrorCode::conflict, fmt::format("sqlite {}: another valised writes to it", path_));
    }
    return fail(ErrorCode::unavailable, fmt::format("sqlite {}: {}", name, std::strerror(errno)));
  }

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
  // The last connection that closes folds the write-ahead log in and removes it, unless it may only read.
  Result<> settle() override {
    auto connection = sqlite::Connection::open(path_, sqlite::Mode::checkpointer);
    if (!connection) return std::unexpected(connection.error());
    const auto busy = (*connection)->number("PRAGMA wal_checkpoint(TRUNCATE)");
    if (!busy) return std::unexpected(busy.error());
    if (*busy == 0) return {};
    return fail(ErrorCode::unavailable, fmt::format("sqlite {}: another process reads it, {}-wal stays", path_, path_));
  }
  std::string describe() const override { return "sqlite " + path_; }

 private:
  const std::string path_;
  int lock_ = -1;
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
