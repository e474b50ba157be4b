// What can never be written, found before a transaction begins, by the same rules for both stores.
#pragma once

#include <string_view>
#include <utility>

#include "base/error.hpp"
#include "storage/types.hpp"

namespace valise::storage::sql {

// Bytes. A bare JID may have 2,047 (RFC 7622 §3.1); owners are accounts of this server and are held to one key part.
inline constexpr std::size_t max_owner = 1023;
inline constexpr std::size_t max_bare = 2047;
inline constexpr std::size_t max_full = 3071;
inline constexpr std::size_t max_name = 1023;  // PEP nodes and item ids
inline constexpr std::size_t max_digest = 64;
inline constexpr std::size_t max_reason = 255;
inline constexpr std::size_t max_text =
    4 * 1024 * 1024;  // one column; above any stanza limit, three fit MariaDB's packet
inline constexpr std::uint64_t max_id = (std::uint64_t{1} << 63) - 1;  // SQLite's integers are signed

// Errors: `invalid` for an id of 0 or above max_id, an empty key, a state out of range or two messages in one set;
// `limit` for a value that is too long. The text names the field, not its content.
[[nodiscard]] Result<> check(const WriteSet& set);

// "local@domain" → {domain, local}; a JID without '@' is a domain with an empty local part.
[[nodiscard]] std::pair<std::string_view, std::string_view> split_bare(std::string_view jid) noexcept;

}  // namespace valise::storage::sql
