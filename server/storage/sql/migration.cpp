#include "storage/sql/migration.hpp"

#include <fmt/core.h>

namespace valise::storage::sql {

Result<std::vector<Migration>> missing(std::span<const Migration> all, unsigned current) {
  const unsigned newest = all.empty() ? 0 : all.back().version;
  if (current > newest) {
    return fail(
        ErrorCode::conflict,
        fmt::format("the store has schema {}, this program knows {} at most: use the newer program", current, newest));
  }
  std::vector<Migration> todo;
  for (const auto& migration : all) {
    if (migration.version > current) todo.push_back(migration);
  }
  return todo;
}

std::unexpected<Error> migration_failed(const Migration& migration, const Error& error, unsigned stays_at) {
  return fail(error.code, fmt::format("migration {} failed, the store stays at schema {}: {}", migration.name, stays_at,
                                      error.text));
}

std::vector<std::string_view> statements(std::string_view script) {
  std::vector<std::string_view> found;
  std::size_t start = std::string_view::npos;  // of the statement that is being gathered
  for (std::size_t line = 0; line < script.size();) {
    auto end = script.find('\n', line);
    if (end == std::string_view::npos) end = script.size();
    const auto text = script.substr(line, end - line);
    const bool blank = text.find_first_not_of(" \t\r") == std::string_view::npos || text.starts_with("--");
    if (start == std::string_view::npos && !blank) start = line;
    if (start != std::string_view::npos && text.ends_with(';')) {
      found.push_back(script.substr(start, end - 1 - start));
      start = std::string_view::npos;
    }
    line = end + 1;
  }
  if (start != std::string_view::npos) found.push_back(script.substr(start));
  return found;
}

}  // namespace valise::storage::sql
