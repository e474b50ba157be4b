#include <mutex>

#include "base/log.hpp"
#include "storage/sql/batch_writer.hpp"
#include "storage/sql/check.hpp"
#include "storage/sqlite/checkpointer.hpp"
#include "storage/sqlite/store.hpp"

namespace valise::storage::sqlite {
namespace {

class SqliteWriter final : public Writer {
 public:
  explicit SqliteWriter(std::string path) : path_(std::move(path)), checkpointer_(path_) {}

  Result<> open() {
    auto opened = Connection::open(path_, Mode::writer);
    if (!opened) return std::unexpected(opened.error());
    connection_ = *std::move(opened);
    sqlite3_wal_hook(connection_->handle(), &SqliteWriter::committed, this);
    return {};
  }

  Result<> commit(std::span<const WriteSet* const> sets) override {
    for (const WriteSet* set : sets) {
      if (auto good = sql::check(*set); !good) return good;
    }
    if (!connection_) {
      if (auto opened = open(); !opened) return opened;
    }
    auto done = transaction(sets);
    if (done) return done;
    // After an I/O error it is unknown what reached the disk: a new handle reads it anew (the log decides), and the
    // caller's second attempt writes the same rows over it.
    if (!connection_->roll_back()) connection_.reset();
    if (done.error().code == ErrorCode::conflict) done.error().code = ErrorCode::unavailable;
    return done;
  }

 private:
  Result<> transaction(std::span<const WriteSet* const> sets) {
    log_pages_ = 0;
    {
      const std::lock_guard hold(checkpointer_.gate());
      if (auto done = connection_->execute("BEGIN IMMEDIATE"); !done) return done;
      if (auto done = batch_.write(*connection_, sets); !done) return done;
      if (auto done = connection_->execute("COMMIT"); !done) return done;
    }
    checkpointer_.log_has(log_pages_);
    return {};
  }

  static int committed(void* self, sqlite3*, const char*, int pages) {
    static_cast<SqliteWriter*>(self)->log_pages_ = pages;
    return SQLITE_OK;
  }

  const std::string path_;
  std::unique_ptr<Connection> connection_;
  sql::BatchWriter batch_;
  int log_pages_ = 0;
  Checkpointer checkpointer_;
};

}  // namespace

Result<std::unique_ptr<Writer>> open_writer(const std::string& path) {
  auto writer = std::make_unique<SqliteWriter>(path);
  if (auto opened = writer->open(); !opened) return std::unexpected(opened.error());
  return writer;
}

}  // namespace valise::storage::sqlite
