// The room's inside: one object a shard.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/account_change.hpp"
#include "core/services.hpp"
#include "core/shard.hpp"
#include "modules/commands/command.hpp"

namespace valise::modules::administration {

using commands::Execution;

inline constexpr std::string_view ns_admin = "http://jabber.org/protocol/admin";
inline constexpr std::size_t most_accounts = 100;  // that one command is about

// What became of one account.
enum class Outcome : std::uint8_t { done, unknown, exists, not_now };

// Runs `work` for each address on its account's home shard, with the account in memory; `work` gives an outcome once,
// there. Then the command is answered: what failed is named.
using Give = std::move_only_function<void(Outcome)>;
using Work = std::function<void(core::Shard&, core::Account&, const core::Jid&, Give)>;
void on_each(Execution execution, std::vector<core::Jid> addresses, Work work);

// Runs `part` on each shard and `then`, with what they gave, on this one.
template <class T>
void on_all(core::Shard& shard, std::function<T(core::Shard&)> part,
            std::move_only_function<void(std::vector<T>)> then) {
  struct Gathering {
    std::vector<T> parts;
    std::move_only_function<void(std::vector<T>)> then;
  };
  auto gathering = std::make_shared<Gathering>();
  gathering->then = std::move(then);
  for (auto& one : shard.kernel().shards) {
    one->post([&there = *one, home = &shard, part, gathering] {
      home->post([gathering, given = part(there), all = home->kernel().shards.size()]() mutable {
        gathering->parts.push_back(std::move(given));
        if (gathering->parts.size() == all) gathering->then(std::move(gathering->parts));
      });
    });
  }
}

[[nodiscard]] core::StanzaError refusal(core::StanzaError::Type type, std::string_view condition, core::Text text);
[[nodiscard]] core::StanzaError no_such_account();
[[nodiscard]] core::StanzaError try_later();

// A command of administrators with one form.
[[nodiscard]] commands::Command command(std::string_view name, core::Text title, commands::Form form,
                                        std::function<void(Execution)> run);
// Nothing: the address is none of an account of this host; the command was answered.
[[nodiscard]] std::optional<core::Jid> account_of(Execution& execution, std::string_view field);
// The same for a list; empty: it was answered.
[[nodiscard]] std::vector<core::Jid> accounts_of(Execution& execution, bool with_resource);

void declare_accounts(commands::Commands& commands);  // accounts.cpp: what changes them
void declare_people(commands::Commands& commands);    // people.cpp: what is told of them

}  // namespace valise::modules::administration
