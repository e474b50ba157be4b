#include "storage/sqlite/connection.hpp"

#include <fmt/core.h>

namespace valise::storage::sqlite {
namespace {

// The tables count as one cache for the writer; a reader touches few pages a call and there are several of them.
constexpr const char* writer_cache = "PRAGMA cache_size = -32768";
constexpr const char* reader_cache = "PRAGMA cache_size = -2048";
constexpr int busy_timeout_ms = 5000;

class SqliteRow final : public sql::Row {
 public:
  explicit SqliteRow(sqlite3_stmt* statement) : statement_(statement) {}
  bool null(unsigned column) const override {
    return sqlite3_column_type(statement_, static_cast<int>(column)) == SQLITE_NULL;
  }
  std::int64_t integer(unsigned column) const override {
    return sqlite3_column_int64(statement_, static_cast<int>(column));
  }
  std::string_view bytes(unsigned column) const override {
    const auto* data = static_cast<const char*>(sqlite3_column_blob(statement_, static_cast<int>(column)));
    return data ? std::string_view(data,
                                   static_cast<std::size_t>(sqlite3_column_bytes(statement_, static_cast<int>(column))))
                : std::string_view();
  }

 private:
  sqlite3_stmt* statement_;
};

// Leaves a statement ready for its next use, whatever happened.
struct Reset {
  sqlite3_stmt* statement;
  ~Reset() { sqlite3_reset(statement); }
};

int bind(sqlite3_stmt* statement, int index, const sql::Value& value) {
  static constexpr char nothing[] = "";  // a null pointer would bind NULL
  const char* data = value.bytes.data() ? value.bytes.data() : nothing;
  switch (value.kind) {
    case sql::Value::Kind::integer:
      return sqlite3_bind_int64(statement, index, value.integer);
    case sql::Value::Kind::text:
      return sqlite3_bind_text64(statement, index, data, value.bytes.size(), SQLITE_STATIC, SQLITE_UTF8);
    case sql::Value::Kind::bytes:
      return sqlite3_bind_blob64(statement, index, data, value.bytes.size(), SQLITE_STATIC);
  }
  return SQLITE_MISUSE;
}

int bind(sqlite3_stmt* statement, std::span<const sql::Value> values) {
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (const int code = bind(statement, static_cast<int>(i) + 1, values[i]); code != SQLITE_OK) return code;
  }
  return SQLITE_OK;
}

ErrorCode sort(int code) {
  switch (code & 0xff) {
    case SQLITE_FULL:
    case SQLITE_IOERR:
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_CANTOPEN:
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_AUTH:
    case SQLITE_NOMEM:
    case SQLITE_INTERRUPT:
    case SQLITE_PROTOCOL:
      return ErrorCode::unavailable;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_FORMAT:
      return ErrorCode::corrupt;
    case SQLITE_TOOBIG:
      return ErrorCode::limit;
    case SQLITE_CONSTRAINT:
    case SQLITE_MISMATCH:
      return ErrorCode::invalid;
    default:
      return ErrorCode::internal;
  }
}

}  // namespace

Result<std::unique_ptr<Connection>> Connection::open(const std::string& path, Mode mode) {
  sqlite3* raw = nullptr;
  const int access = mode == Mode::reader ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE;
  const int code =
      sqlite3_open_v2(path.c_str(), &raw, access | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE, nullptr);
  std::unique_ptr<Connection> connection(new Connection(Handle(raw), path));
  if (code != SQLITE_OK) return connection->error(code);
  if (auto configured = connection->configure(mode); !configured) return std::unexpected(configured.error());
  return connection;
}

Result<> Connection::configure(Mode mode) {
  sqlite3_extended_result_codes(handle_.get(), 1);
  sqlite3_busy_timeout(handle_.get(), busy_timeout_ms);
  // A database file is data, not trusted code: no functions or virtual tables from its schema.
  sqlite3_db_config(handle_.get(), SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  sqlite3_db_config(handle_.get(), SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  if (auto done = execute("PRAGMA temp_store = MEMORY"); !done) return done;
  if (mode == Mode::reader) return execute(reader_cache);

  bool wal = false;
  const auto is_wal = [](void* found, int, char** values, char**) {
    *static_cast<bool*>(found) = values[0] && std::string_view(values[0]) == "wal";
    return 0;
  };
  if (const int code = sqlite3_exec(handle_.get(), "PRAGMA journal_mode = WAL", is_wal, &wal, nullptr);
      code != SQLITE_OK) {
    return error(code);
  }
  if (!wal)
    return fail(ErrorCode::unavailable,
                fmt::format("sqlite {}: this file system has no shared memory for a write-ahead log", path_));
  // FULL: the log is synced at each commit, before its answer. In WAL mode that is what makes it durable.
  if (auto done = execute("PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 0"); !done) return done;
  if (mode == Mode::checkpointer) return {};
  // FAST: content that was deleted is overwritten where its page is written anyway.
  if (auto done = execute("PRAGMA secure_delete = FAST; PRAGMA journal_size_limit = 67108864"); !done) return done;
  return execute(writer_cache);
}

Result<sqlite3_stmt*> Connection::prepared(sql::Statement statement) {
  auto& slot = prepared_[static_cast<std::size_t>(statement)];
  if (!slot) {
    const auto text = sql::text(statement, sql::Dialect::sqlite);
    sqlite3_stmt* raw = nullptr;
    const int code = sqlite3_prepare_v3(handle_.get(), text.data(), static_cast<int>(text.size()),
                                        SQLITE_PREPARE_PERSISTENT, &raw, nullptr);
    if (code != SQLITE_OK) return error(code);
    slot.reset(raw);
  }
  return slot.get();
}

Result<std::uint64_t> Connection::run(sql::Statement statement, std::span<const sql::Value> values, std::size_t rows) {
  const auto ready = prepared(statement);
  if (!ready) return std::unexpected(ready.error());
  const std::size_t columns = values.size() / rows;
  std::uint64_t changed = 0;
  for (std::size_t row = 0; row < rows; ++row) {
    const Reset reset{*ready};
    if (const int code = bind(*ready, values.subspan(row * columns, columns)); code != SQLITE_OK) return error(code);
    if (const int code = sqlite3_step(*ready); code != SQLITE_DONE) return error(code);
    changed += static_cast<std::uint64_t>(sqlite3_changes64(handle_.get()));
  }
  return changed;
}

Result<> Connection::select(sql::Statement statement, std::span<const sql::Value> values, const sql::OnRow& on_row) {
  const auto ready = prepared(statement);
  if (!ready) return std::unexpected(ready.error());
  const Reset reset{*ready};  // also ends the read transaction, which would hold the log back
  if (const int code = bind(*ready, values); code != SQLITE_OK) return error(code);
  const SqliteRow row(*ready);
  for (;;) {
    const int code = sqlite3_step(*ready);
    if (code == SQLITE_DONE) return {};
    if (code != SQLITE_ROW) return error(code);
    if (auto taken = on_row(row); !taken) return taken;
  }
}

Result<> Connection::execute(const char* script) {
  const int code = sqlite3_exec(handle_.get(), script, nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) return error(code);
  return {};
}

Result<std::int64_t> Connection::number(const char* query) {
  sqlite3_stmt* raw = nullptr;
  if (const int code = sqlite3_prepare_v2(handle_.get(), query, -1, &raw, nullptr); code != SQLITE_OK)
    return error(code);
  const Prepared statement(raw);
  const int code = sqlite3_step(raw);
  if (code == SQLITE_DONE) return 0;
  if (code != SQLITE_ROW) return error(code);
  return sqlite3_column_int64(raw, 0);
}

bool Connection::roll_back() noexcept {
  if (broken_) return false;
  if (sqlite3_get_autocommit(handle_.get()) != 0) return true;  // the engine has done it itself
  return sqlite3_exec(handle_.get(), "ROLLBACK", nullptr, nullptr, nullptr) == SQLITE_OK;
}

std::unexpected<Error> Connection::error(int code) {
  if (handle_) {
    const int extended = sqlite3_extended_errcode(handle_.get());
    if ((extended & 0xff) == (code & 0xff)) code = extended;
  }
  const int primary = code & 0xff;
  if (primary == SQLITE_IOERR || primary == SQLITE_CANTOPEN || primary == SQLITE_CORRUPT || primary == SQLITE_NOTADB) {
    broken_ = true;
  }
  const char* hint = primary == SQLITE_FULL ? " (the disk or the allowed database size is used up)" : "";
  const char* detail = handle_ ? sqlite3_errmsg(handle_.get()) : sqlite3_errstr(code);
  return fail(sort(code), fmt::format("sqlite {}: {}{} [{}]", path_, detail, hint, code));
}

}  // namespace valise::storage::sqlite
