// One SQLite handle, used by one thread: statements kept prepared, errors sorted, the handle given up after an I/O
// error.
#pragma once

#include <sqlite3.h>

#include <array>
#include <memory>
#include <string>

#include "storage/sql/connection.hpp"

namespace valise::storage::sqlite {

enum class Mode : std::uint8_t { reader, writer, checkpointer };

class Connection final : public sql::Connection {
 public:
  // Errors: `unavailable` where the file cannot be opened or is no WAL database, `corrupt` for a file of another kind.
  static Result<std::unique_ptr<Connection>> open(const std::string& path, Mode mode);

  Result<std::uint64_t> run(sql::Statement statement, std::span<const sql::Value> values, std::size_t rows) override;
  Result<> select(sql::Statement statement, std::span<const sql::Value> values, const sql::OnRow& on_row) override;

  // Runs one or more statements of fixed text.
  Result<> execute(const char* script);
  // The first column of the first row; 0 if there is none.
  Result<std::int64_t> number(const char* query);
  // Ends an open transaction. False: the handle is in an unknown state and must be closed.
  [[nodiscard]] bool roll_back() noexcept;
  // An I/O error was seen: what the engine holds in memory is not to be trusted (a failed fsync is not repeated).
  [[nodiscard]] bool broken() const noexcept { return broken_; }
  [[nodiscard]] sqlite3* handle() const noexcept { return handle_.get(); }

 private:
  struct Close {
    void operator()(sqlite3* handle) const noexcept { sqlite3_close_v2(handle); }
  };
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const noexcept { sqlite3_finalize(statement); }
  };
  using Handle = std::unique_ptr<sqlite3, Close>;
  using Prepared = std::unique_ptr<sqlite3_stmt, Finalize>;

  Connection(Handle handle, std::string path) : handle_(std::move(handle)), path_(std::move(path)) {}

  Result<> configure(Mode mode);
  Result<sqlite3_stmt*> prepared(sql::Statement statement);
  std::unexpected<Error> error(int code);

  Handle handle_;
  std::string path_;
  std::array<Prepared, sql::statement_count> prepared_;  // after handle_: finalised before it is closed
  bool broken_ = false;
};

}  // namespace valise::storage::sqlite
