// Files that hold secrets: private keys, the database's password (docs/security.md §5).
#pragma once

#include <string>

#include "base/error.hpp"

namespace valise::config {

// That the file is a regular one which others cannot read and neither group nor others can write, owned by root or by
// the user that this thread opens files for. Errors: not_found, denied (with the remedy), unavailable.
[[nodiscard]] Result<> check_secret_file(const std::string& path);

// Checks and reads through one descriptor, so that the file checked is the file read. A final line end is removed.
// Errors: as above, and limit above `max_bytes`.
[[nodiscard]] Result<std::string> read_secret_file(const std::string& path, std::size_t max_bytes = 64 * 1024);

// The same for bytes that are no text: nothing is removed.
[[nodiscard]] Result<std::string> read_secret_bytes(const std::string& path, std::size_t max_bytes);

// Reads a file that is not secret but must not be another's to write (configuration, policy).
[[nodiscard]] Result<std::string> read_trusted_file(const std::string& path, std::size_t max_bytes);

}  // namespace valise::config
