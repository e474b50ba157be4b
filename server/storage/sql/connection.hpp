// What the two engines have in common, seen from the dialect-free half of this layer: numbered statements, values,
// rows. Values and rows are views; whose bytes they are is said at each.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string_view>

#include "base/error.hpp"
#include "storage/sql/statements.hpp"

namespace valise::storage::sql {

// One parameter. `text` and `bytes` differ for SQLite, where a text never equals a blob.
struct Value {
  enum class Kind : std::uint8_t { integer, text, bytes };

  static Value number(std::uint64_t value) noexcept { return {Kind::integer, static_cast<std::int64_t>(value), {}}; }
  static Value number(std::int64_t value) noexcept { return {Kind::integer, value, {}}; }
  static Value text(std::string_view value) noexcept { return {Kind::text, 0, value}; }
  static Value blob(std::string_view value) noexcept { return {Kind::bytes, 0, value}; }

  Kind kind = Kind::integer;
  std::int64_t integer = 0;
  std::string_view bytes;  // the caller's, until the call that takes the value returns
};

// The current row of a result; its views end with the callback that it was given to.
class Row {
 public:
  virtual ~Row() = default;
  [[nodiscard]] virtual bool null(unsigned column) const = 0;
  [[nodiscard]] virtual std::int64_t integer(unsigned column) const = 0;
  [[nodiscard]] virtual std::string_view bytes(unsigned column) const = 0;

  [[nodiscard]] std::uint64_t id(unsigned column) const { return static_cast<std::uint64_t>(integer(column)); }
};

using OnRow = std::function<Result<>(const Row&)>;

// One connection, one thread. Errors: `unavailable` (store away, full, busy, I/O error), `conflict` (the transaction
// was chosen to give way: roll back and repeat it whole), `corrupt`, `invalid` and `internal` (it will never work).
class Connection {
 public:
  virtual ~Connection() = default;
  // Runs a writing statement once for each of `rows` rows; `values` holds them one after the other. Returns how many
  // table rows changed in all. Stops at the first failure; the caller rolls back.
  virtual Result<std::uint64_t> run(Statement statement, std::span<const Value> values, std::size_t rows = 1) = 0;
  virtual Result<> select(Statement statement, std::span<const Value> values, const OnRow& on_row) = 0;
};

}  // namespace valise::storage::sql
