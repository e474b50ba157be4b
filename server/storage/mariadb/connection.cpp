#include "storage/mariadb/connection.hpp"

#include <fmt/core.h>

#include <limits>

#include "base/fault.hpp"
#include "storage/mariadb/errors.hpp"

namespace valise::storage::mariadb {
namespace {

// One array becomes one packet, which both sides hold in memory and the server bounds.
constexpr std::size_t most_array_bytes = 1024 * 1024;
constexpr std::size_t first_column_bytes = 1024;

// The rows of a result, copied column by column; a value that does not fit is fetched once more.
class ResultRow final : public sql::Row {
 public:
  ResultRow(MYSQL_STMT* statement, MYSQL_RES* metadata) : statement_(statement) {
    const unsigned count = mysql_num_fields(metadata);
    const MYSQL_FIELD* fields = mysql_fetch_fields(metadata);
    columns_.resize(count);
    binds_.resize(count);
    for (unsigned i = 0; i < count; ++i) {
      auto& column = columns_[i];
      auto& bind = binds_[i];
      bind = {};
      bind.is_null = &column.null;
      bind.length = &column.size;
      if (IS_NUM(fields[i].type)) {
        bind.buffer_type = MYSQL_TYPE_LONGLONG;
        bind.buffer = &column.number;
      } else {
        column.text.resize(first_column_bytes);
        bind.buffer_type = MYSQL_TYPE_BLOB;
        bind.buffer = column.text.data();
        bind.buffer_length = column.text.size();
      }
    }
  }
  MYSQL_BIND* binds() { return binds_.data(); }
  bool null(unsigned column) const override { return columns_[column].null != 0; }
  std::int64_t integer(unsigned column) const override { return null(column) ? 0 : columns_[column].number; }
  std::string_view bytes(unsigned column) const override {
    return null(column) ? std::string_view() : std::string_view(columns_[column].text.data(), columns_[column].size);
  }
  // False: an error of the statement.
  bool complete() {
    bool grown = false;
    for (unsigned i = 0; i < columns_.size(); ++i) {
      auto& column = columns_[i];
      if (binds_[i].buffer_type != MYSQL_TYPE_BLOB || column.null || column.size <= column.text.size()) continue;
      column.text.resize(column.size);
      binds_[i].buffer = column.text.data();
      binds_[i].buffer_length = column.text.size();
      if (mysql_stmt_fetch_column(statement_, &binds_[i], i, 0) != 0) return false;
      grown = true;
    }
    return !grown || mysql_stmt_bind_result(statement_, binds_.data()) == 0;
  }

 private:
  struct Column {
    std::int64_t number = 0;
    std::string text;
    unsigned long size = 0;
    my_bool null = 0;
  };
  MYSQL_STMT* statement_;
  std::vector<Column> columns_;
  std::vector<MYSQL_BIND> binds_;
};

std::size_t bytes_of(std::span<const sql::Value> row) {
  std::size_t bytes = 0;
  for (const auto& value : row) bytes += 9 + value.bytes.size();
  return bytes;
}

}  // namespace

Result<std::unique_ptr<Connection>> Connection::open(const MariadbOptions& options, Role role) {
  auto handle = connect(options, role);
  if (!handle) return std::unexpected(handle.error());
  return std::unique_ptr<Connection>(new Connection(*std::move(handle)));
}

Result<Connection::Prepared*> Connection::prepared(sql::Statement statement) {
  auto& slot = prepared_[static_cast<std::size_t>(statement)];
  if (!slot.handle) {
    const auto text = sql::text(statement, sql::Dialect::mariadb);
    std::unique_ptr<MYSQL_STMT, CloseStatement> fresh(mysql_stmt_init(handle_.get()));
    if (!fresh) return std::unexpected(error());
    if (mysql_stmt_prepare(fresh.get(), text.data(), text.size()) != 0) return std::unexpected(error(fresh.get()));
    slot = {std::move(fresh), 0};
  }
  return &slot;
}

Result<> Connection::execute(Prepared& statement, std::span<const sql::Value> values, std::size_t rows) {
  const std::size_t width = values.size() / rows;
  const bool array = rows > 1;
  if (columns_.size() < width) columns_.resize(width);
  binds_.assign(width, MYSQL_BIND{});
  for (std::size_t c = 0; c < width; ++c) {
    auto& column = columns_[c];
    column.numbers.clear();
    column.data.clear();
    column.sizes.clear();
    const bool number = values[c].kind == sql::Value::Kind::integer;
    for (std::size_t r = 0; r < rows; ++r) {
      const auto& value = values[r * width + c];
      if (number) {
        column.numbers.push_back(value.integer);
      } else {
        column.data.push_back(value.bytes.data() ? value.bytes.data() : "");
        column.sizes.push_back(value.bytes.size());
      }
    }
    auto& bind = binds_[c];
    if (number) {
      bind.buffer_type = MYSQL_TYPE_LONGLONG;
      bind.buffer = column.numbers.data();
    } else {
      bind.buffer_type = MYSQL_TYPE_BLOB;  // bytes as they are: no character set is involved
      bind.buffer = array ? static_cast<void*>(column.data.data()) : const_cast<char*>(column.data[0]);
      bind.length = column.sizes.data();
      bind.buffer_length = array ? 0 : column.sizes[0];
    }
  }
  auto* handle = statement.handle.get();
  const auto size = array ? static_cast<unsigned>(rows) : 0U;
  if (statement.array_size != size) {
    if (mysql_stmt_attr_set(handle, STMT_ATTR_ARRAY_SIZE, &size) != 0) return std::unexpected(error(handle));
    statement.array_size = size;
  }
  if (width > 0 && mysql_stmt_bind_param(handle, binds_.data()) != 0) return std::unexpected(error(handle));
  if (VALISE_FAILS("mariadb.execute.fails")) return std::unexpected(lose());
  if (mysql_stmt_execute(handle) != 0) return std::unexpected(error(handle));
  VALISE_FAULT("mariadb.execute.after");
  return {};
}

Result<std::uint64_t> Connection::run(sql::Statement statement, std::span<const sql::Value> values, std::size_t rows) {
  const auto ready = prepared(statement);
  if (!ready) return std::unexpected(ready.error());
  const std::size_t width = values.size() / rows;
  std::uint64_t changed = 0;
  for (std::size_t first = 0; first < rows;) {
    std::size_t count = 0;
    std::size_t bytes = 0;
    while (first + count < rows) {
      const auto next = bytes_of(values.subspan((first + count) * width, width));
      if (count > 0 && bytes + next > most_array_bytes) break;
      bytes += next;
      ++count;
    }
    if (auto done = execute(**ready, values.subspan(first * width, count * width), count); !done) {
      return std::unexpected(done.error());
    }
    const auto affected = mysql_stmt_affected_rows((*ready)->handle.get());
    if (affected != std::numeric_limits<std::uint64_t>::max()) changed += affected;
    first += count;
  }
  return changed;
}

Result<> Connection::select(sql::Statement statement, std::span<const sql::Value> values, const sql::OnRow& on_row) {
  const auto ready = prepared(statement);
  if (!ready) return std::unexpected(ready.error());
  auto* handle = (*ready)->handle.get();
  if (auto done = execute(**ready, values, 1); !done) return done;
  struct Free {
    MYSQL_STMT* statement;
    ~Free() { mysql_stmt_free_result(statement); }  // also reads off what a callback left unread
  } const free{handle};
  const std::unique_ptr<MYSQL_RES, void (*)(MYSQL_RES*)> metadata(mysql_stmt_result_metadata(handle),
                                                                  &mysql_free_result);
  if (!metadata) return std::unexpected(error(handle));
  ResultRow row(handle, metadata.get());
  if (mysql_stmt_bind_result(handle, row.binds()) != 0) return std::unexpected(error(handle));
  for (;;) {
    const int code = mysql_stmt_fetch(handle);
    if (code == MYSQL_NO_DATA) return {};
    if (code != 0 && code != MYSQL_DATA_TRUNCATED) return std::unexpected(error(handle));
    if (!row.complete()) return std::unexpected(error(handle));
    if (auto taken = on_row(row); !taken) return taken;
  }
}

Result<> Connection::execute(std::string_view text) {
  if (mysql_real_query(handle_.get(), text.data(), text.size()) != 0) return std::unexpected(error());
  return {};
}

Result<std::uint64_t> Connection::number(std::string_view query) {
  if (auto done = execute(query); !done) return std::unexpected(done.error());
  const std::unique_ptr<MYSQL_RES, void (*)(MYSQL_RES*)> result(mysql_store_result(handle_.get()), &mysql_free_result);
  if (!result) return std::unexpected(error());
  const MYSQL_ROW row = mysql_fetch_row(result.get());
  return row && row[0] ? std::strtoull(row[0], nullptr, 10) : 0;
}

Result<> Connection::commit() {
  VALISE_FAULT("mariadb.commit.before");
  if (VALISE_FAILS("mariadb.commit.fails")) return std::unexpected(lose());
  if (mysql_commit(handle_.get()) != 0) return std::unexpected(error());
  VALISE_FAULT("mariadb.commit.after");
  if (VALISE_FAILS("mariadb.commit.lies")) return std::unexpected(lose());
  return {};
}

Error Connection::lose() {
  lost_ = true;
  return {ErrorCode::unavailable, "mariadb: a fault"};
}

bool Connection::roll_back() noexcept { return !lost_ && mysql_rollback(handle_.get()) == 0; }

Error Connection::error() {
  lost_ = lost_ || sort(mysql_errno(handle_.get())).lost;
  return error_of(handle_.get(), "query");
}

Error Connection::error(MYSQL_STMT* statement) {
  const unsigned number = mysql_stmt_errno(statement);
  const auto fault = sort(number);
  lost_ = lost_ || fault.lost;
  return {fault.code, fmt::format("mariadb: statement: {} [{}]", mysql_stmt_error(statement), number)};
}

}  // namespace valise::storage::mariadb
