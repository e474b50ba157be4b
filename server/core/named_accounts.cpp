#include "core/named_accounts.hpp"

#include <fmt/core.h>

#include <set>
#include <utility>
#include <vector>

#include "base/log.hpp"
#include "config/nearest.hpp"
#include "core/shard.hpp"

namespace valise::core {
namespace {

// What is wrong with the domain of `text`, or "".
std::string not_of_our_hosts(std::string_view text, const config::Snapshot& snapshot) {
  const auto jid = Jid::parse(text);
  if (jid && snapshot.has_host(jid->domain())) return {};
  const std::vector<std::string_view> hosts(snapshot.hosts().begin(), snapshot.hosts().end());
  return fmt::format("\"{}\" is {} one of this server's hosts{}", text,
                     jid && !jid->has_local() ? "not" : "no account of",
                     jid ? config::nearest_hint(jid->domain(), hosts) : "");
}

}  // namespace

void check_hosts_of(const config::Option<config::Strings>& option, const config::Snapshot& snapshot,
                    config::Findings& findings, Note note) {
  for (const auto& host : snapshot.hosts()) {
    for (const auto& name : snapshot.get(option, host)) {
      if (const auto fault = not_of_our_hosts(name, snapshot); !fault.empty()) {
        (findings.*note)(option, host, fmt::format("{}: {}", option.name, fault));
      }
    }
  }
}

void warn_of_missing_accounts(Shard& shard, const config::Snapshot& snapshot,
                              const config::Option<config::Strings>& option) {
  std::set<std::pair<unsigned, std::string>> named;  // line, account
  for (const auto& host : snapshot.hosts()) {
    for (const auto& name : snapshot.get(option, host)) {
      const auto jid = Jid::parse(name);
      if (!jid || !jid->has_local() || !snapshot.has_host(jid->domain())) continue;
      if (shard.kernel().home_index(jid->bare()) == shard.index())
        named.emplace(snapshot.line(option, host), jid->bare());
    }
  }
  for (const auto& [line, name] : named) {
    auto jid = Jid::parse(name);
    if (!jid) continue;
    auto text = fmt::format("{}:{}: {}: there is no account {} (yet)", snapshot.path(), line, option.name, name);
    // A module's start is no place to ask the store.
    shard.post([&shard, jid = std::move(*jid), text = std::move(text)]() mutable {
      shard.with_account(jid, [text = std::move(text)](Account* account) {
        if (account != nullptr && !account->exists) log::warning("config", "{}", text);
      });
    });
  }
}

}  // namespace valise::core
