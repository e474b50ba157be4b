// What msg.pair holds: it names the conversation that a message belongs to, for whoever has it in his archive.
#pragma once

#include <cstdint>
#include <string_view>

namespace valise::storage::sql {

// In box.direction, beside Direction: received, and there only until it was delivered.
inline constexpr std::uint64_t only_until_delivered = 2;

// Never 0, and never negative: integers of both stores. Two conversations may share one: box.peer tells.
// Of a message that both accounts archive; the order does not matter.
[[nodiscard]] std::int64_t pair_of(std::string_view one, std::string_view other);
// Of a message that only `owner` archives.
[[nodiscard]] std::int64_t alone_of(std::string_view owner, std::string_view peer);

}  // namespace valise::storage::sql
