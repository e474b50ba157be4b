// Numbered schema changes, embedded from migrations/<dialect>/NNNN_name.sql (CMakeLists.txt).
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "base/error.hpp"

namespace valise::storage::sql {

struct Migration {
  unsigned version;
  std::string_view name;
  std::string_view script;
};

[[nodiscard]] std::span<const Migration> sqlite_migrations() noexcept;
[[nodiscard]] std::span<const Migration> mariadb_migrations() noexcept;

// Those that a store at `current` still lacks, in order. Errors: `conflict` for a store newer than this program.
[[nodiscard]] Result<std::vector<Migration>> missing(std::span<const Migration> all, unsigned current);

// Says which migration broke; the store stays at the version before it.
[[nodiscard]] std::unexpected<Error> migration_failed(const Migration& migration, const Error& error,
                                                      unsigned stays_at);

// The statements of a script, without comments: a statement ends with ';' at the end of a line.
[[nodiscard]] std::vector<std::string_view> statements(std::string_view script);

}  // namespace valise::storage::sql
