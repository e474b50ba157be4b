// Changes of an account's own row: the one place where accounts are made, get new keys and change their state, whoever
// asks for it (valisectl, a stranger who registers, the owner).
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "core/shard.hpp"

namespace valise::core {

struct AccountChange {
  storage::Write write;
  audit::Record record;
  std::optional<storage::AccountState> state;  // what it is then; sessions end with it (Shard::account_changed)
  std::optional<storage::Write> with{};        // what else becomes durable with it
};

// A record of kind admin about the account.
[[nodiscard]] audit::Record about_account(const Jid& account, std::string reason, Ref<const audit::Origin> by = {});

// For an account that is in memory on its home shard. `done` runs there: ok when row and record are durable and memory
// has followed; `not_found` if a unit before this one removed the account; else the store's error, and nothing has
// changed.
void change_account(Shard& shard, Account& account, AccountChange change, std::move_only_function<void(Result<>)> done);

// Characters that a new password has at least on that host (accounts.password_minimum).
[[nodiscard]] std::int64_t password_minimum(const Shard& shard, std::string_view host);
// `password`: prepared. What to answer if it has fewer; nothing if it is long enough.
[[nodiscard]] std::optional<StanzaError> too_short(const Shard& shard, std::string_view host,
                                                   std::string_view password);

// Ends the account's sessions, but not the one with the id `except` (0: all of them).
void end_sessions(Account& account, std::string_view condition, std::string_view text, std::uint64_t except = 0);

}  // namespace valise::core
