// Lists within one column. Format: for each string its length (32 bits, little-endian), then its bytes; nothing else.
// An empty column is an empty list. Keys: five strings each (hash, salt, iterations in decimal, stored, server key);
// configuration: two each (name, value); groups: one each.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "storage/types.hpp"

namespace valise::storage::sql {

[[nodiscard]] std::string encode_groups(const std::vector<std::string>& groups);
[[nodiscard]] std::string encode_config(const std::vector<std::pair<std::string, std::string>>& config);
[[nodiscard]] std::string encode_keys(const std::vector<ScramKey>& keys);

// Errors: `corrupt` for bytes that no encoder above writes.
[[nodiscard]] Result<std::vector<std::string>> decode_groups(std::string_view bytes);
[[nodiscard]] Result<std::vector<std::pair<std::string, std::string>>> decode_config(std::string_view bytes);
[[nodiscard]] Result<std::vector<ScramKey>> decode_keys(std::string_view bytes);

}  // namespace valise::storage::sql
