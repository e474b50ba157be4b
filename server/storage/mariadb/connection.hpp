// One connection to MariaDB, used by one thread: statements prepared once, many rows sent as one array.
#pragma once

#include <array>

#include "storage/mariadb/connect.hpp"
#include "storage/sql/connection.hpp"

namespace valise::storage::mariadb {

class Connection final : public sql::Connection {
 public:
  // Errors: those of connect().
  static Result<std::unique_ptr<Connection>> open(const MariadbOptions& options, Role role);

  Result<std::uint64_t> run(sql::Statement statement, std::span<const sql::Value> values, std::size_t rows) override;
  Result<> select(sql::Statement statement, std::span<const sql::Value> values, const sql::OnRow& on_row) override;

  // Runs one statement of fixed text without a result.
  Result<> execute(std::string_view text);
  // The first column of the first row; 0 for NULL or no row.
  Result<std::uint64_t> number(std::string_view query);
  Result<> commit();
  // False: the connection is of no more use.
  [[nodiscard]] bool roll_back() noexcept;
  // The server or the way to it failed: nothing more can be asked here, open another.
  [[nodiscard]] bool lost() const noexcept { return lost_; }

 private:
  struct CloseStatement {
    void operator()(MYSQL_STMT* statement) const noexcept { mysql_stmt_close(statement); }
  };
  struct Prepared {
    std::unique_ptr<MYSQL_STMT, CloseStatement> handle;
    unsigned array_size = 0;  // as last set
  };
  // The columns of one array, in the form that the connector wants; kept for their memory.
  struct Column {
    std::vector<std::int64_t> numbers;
    std::vector<const char*> data;
    std::vector<unsigned long> sizes;
  };

  explicit Connection(Handle handle) : handle_(std::move(handle)) {}

  Result<Prepared*> prepared(sql::Statement statement);
  // Binds and executes `rows` rows at once.
  Result<> execute(Prepared& statement, std::span<const sql::Value> values, std::size_t rows);
  Error error();
  Error error(MYSQL_STMT* statement);
  Error lose();  // a fault point's: as if the connection broke

  Handle handle_;
  std::array<Prepared, sql::statement_count> prepared_;  // after handle_: closed before it
  std::vector<Column> columns_;
  std::vector<MYSQL_BIND> binds_;
  bool lost_ = false;
};

}  // namespace valise::storage::mariadb
