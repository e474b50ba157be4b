// What the keeper does: rows and memory in step, what has run out, friendships that an earlier run left.
#include "base/clock.hpp"
#include "base/log.hpp"
#include "core/account_change.hpp"
#include "modules/invitations/module.hpp"
#include "modules/roster/subscriptions.hpp"

namespace valise::modules::invitations {
namespace {

constexpr std::int64_t sweep_ms = 60'000;
constexpr std::size_t most_waiting = 1'000;
// Whoever comes with an old link is told that it was one, for so long.
constexpr std::int64_t over_is_kept_ms = 30LL * 86'400'000;
constexpr std::size_t most_forgotten = 1'000;  // at a time

}  // namespace

void InvitationsModule::at_keeper(const std::string& host, Found work) {
  auto& there = shard_.kernel().home(host);
  there.post([&there, host, work = std::move(work)] {
    auto& keeper = *there.service<InvitationsModule>();
    auto& kept = keeper.kept_[host];
    if (kept.loaded) return work(keeper, &kept);
    if (kept.waiting.size() >= most_waiting) return work(keeper, nullptr);
    kept.waiting.push_back(work);
    keeper.load(host);
  });
}

void InvitationsModule::load_all() {
  for (const auto& [host, allowed] : hosts_) {
    if (allowed.enabled && shard_.kernel().home_index(host) == shard_.index() && !kept_[host].loaded) load(host);
  }
  if (!timer_.armed()) shard_.loop().timers().arm(timer_, shard_.loop().now_ms(), sweep_ms);
}

void InvitationsModule::load(const std::string& host) {
  if (std::exchange(kept_[host].loading, true)) return;
  shard_.read([host](storage::Reader& reader) { return reader.account_data(host, data_kind); },
              [this, host](Result<std::vector<storage::AccountData>> rows) {
                auto& kept = kept_[host];
                kept.loading = false;
                if (rows) {
                  loaded(host, std::move(*rows));
                } else {
                  log::warning("invitations", "invitations of a host can't be read: {}", rows.error().text);
                }
                for (auto& work : std::exchange(kept.waiting, {})) work(*this, kept.loaded ? &kept : nullptr);
              });
}

void InvitationsModule::loaded(const std::string& host, std::vector<storage::AccountData> rows) {
  auto& kept = kept_[host];
  kept.loaded = true;
  std::vector<std::string> orphans;
  // By name: an invitation stands before its uses.
  for (const auto& row : rows) {
    const auto slash = row.name.find('/');
    const auto id = row.name.substr(0, slash);
    if (slash == std::string::npos) {
      auto invitation = read(id, row.value);
      if (invitation && invitation->host == host) kept.book.add(std::move(*invitation));
      if (const auto over = read_over(row.value)) {
        for (auto& oldest : kept.book.add_over(id, *over)) orphans.push_back(std::move(oldest));
      }
      continue;
    }
    const auto account = row.name.substr(slash + 1);
    const auto* invitation = kept.book.find(id);
    if (invitation == nullptr) {
      orphans.push_back(row.name);
      continue;
    }
    kept.book.add_use(id, account);
    if (row.value == "made" && invitation->contact) kept.owed.emplace(id, account);
  }
  const auto owed = kept.owed;
  for (const auto& [id, account] : owed) {
    const auto jid = core::Jid::parse(account);
    const auto* invitation = kept.book.find(id);
    if (jid && invitation != nullptr) befriend(*invitation, *jid);
  }
  for (const auto& invitation : kept.book.all()) {
    if (!kept.book.is_open(invitation.id) && !kept.owes(invitation.id)) {
      drop(kept, host, invitation.id, std::nullopt, [](Result<>) {});
    }
  }
  const auto old = kept.book.forget_over(utc_now_ms() - over_is_kept_ms, Book::most_over);
  orphans.insert(orphans.end(), old.begin(), old.end());
  erase_rows(host, std::move(orphans));
}

void InvitationsModule::erase_rows(const std::string& host, std::vector<std::string> names) {
  if (names.empty()) return;
  auto unit = std::make_unique<core::Unit>();
  for (auto& name : names) unit->writes.emplace_back(storage::RemoveAccountData{host, data_kind, std::move(name)});
  unit->done = [](core::Unit&) {};
  shard_.commit(std::move(unit));
}

void InvitationsModule::keep(Kept& kept, Invitation invitation, Ref<const core::audit::Origin> by,
                             std::function<void(Result<>)> then) {
  auto unit = std::make_unique<core::Unit>();
  const auto about = core::Jid::parse(invitation.inviter.empty() ? invitation.host : invitation.inviter);
  unit->record = core::about_account(about.value_or(core::Jid()), "invitation-made", std::move(by));
  unit->writes.emplace_back(storage::PutAccountData{invitation.host, data_kind, {invitation.id, write(invitation)}});
  unit->done = [this, host = invitation.host, id = invitation.id, then = std::move(then)](core::Unit& finished) {
    if (!finished.outcome) kept_[host].book.remove(id);
    then(finished.outcome);
  };
  kept.book.add(std::move(invitation));  // it counts from now on; nobody has its token yet
  shard_.commit(std::move(unit));
}

void InvitationsModule::drop(Kept& kept, const std::string& host, const std::string& id,
                             std::optional<core::audit::Record> record, std::function<void(Result<>)> then) {
  auto unit = std::make_unique<core::Unit>();
  unit->record = std::move(record);
  const auto now_ms = utc_now_ms();
  unit->writes.emplace_back(storage::PutAccountData{host, data_kind, {id, write_over(now_ms)}});
  for (auto& oldest : kept.book.add_over(id, now_ms)) {
    unit->writes.emplace_back(storage::RemoveAccountData{host, data_kind, std::move(oldest)});
  }
  for (const auto& account : kept.book.users(id)) {
    unit->writes.emplace_back(storage::RemoveAccountData{host, data_kind, id + "/" + account});
  }
  unit->done = [then = std::move(then)](core::Unit& finished) { then(finished.outcome); };
  std::erase_if(kept.owed, [&](const auto& pair) { return pair.first == id; });
  kept.book.remove(std::string(id));
  shard_.commit(std::move(unit));
}

// XEP-0379 §6.2: what has run out is forgotten. The use of one whose friendship is owed waits for that.
void InvitationsModule::sweep() {
  for (auto& [host, kept] : kept_) {
    const auto now_ms = utc_now_ms();
    erase_rows(host, kept.book.forget_over(now_ms - over_is_kept_ms, most_forgotten));
    for (const auto& id : kept.book.expired(now_ms)) {
      if (!kept.owes(id)) drop(kept, host, id, std::nullopt, [](Result<>) {});
    }
    const auto owed = kept.owed;
    for (const auto& [id, account] : owed) {
      const auto jid = core::Jid::parse(account);
      const auto* invitation = kept.book.find(id);
      if (jid && invitation != nullptr) befriend(*invitation, *jid);
    }
  }
  shard_.loop().timers().arm(timer_, shard_.loop().now_ms(), sweep_ms);
}

void InvitationsModule::used(const std::string& id, const core::Jid& account, bool last) {
  const std::string host(account.domain());
  auto& kept = kept_[host];
  const auto* invitation = kept.book.find(id);
  if (invitation == nullptr) return;
  if (invitation->contact) {
    kept.owed.emplace(id, account.str());
    return befriend(*invitation, account);
  }
  if (last) drop(kept, host, id, std::nullopt, [](Result<>) {});
}

void InvitationsModule::befriend(const Invitation& invitation, const core::Jid& account) {
  const auto inviter = core::Jid::parse(invitation.inviter);
  if (!inviter) return;
  struct Both {
    unsigned open = 2;
    bool durable = true;
  };
  auto both = std::make_shared<Both>();
  const auto side = [&](const core::Jid& owner, const core::Jid& contact) {
    shard_.on_home(owner, [this, invitation, account, contact, both](core::Shard& there, core::Account* owner_now) {
      auto told = [this, invitation, account, both](bool durable) {
        shard_.post([this, invitation, account, both, durable] {
          both->durable = both->durable && durable;
          if (--both->open == 0) befriended(invitation, account, both->durable);
        });
      };
      if (owner_now == nullptr) return told(false);
      auto* subscriptions = there.service<Subscriptions>();
      if (!owner_now->exists || subscriptions == nullptr) return told(true);  // whoever has left owes nothing
      subscriptions->befriend(*owner_now, contact, invitation.groups, told);
    });
  };
  side(account, *inviter);  // first: when the inviter is told, he is let in there
  side(*inviter, account);
}

void InvitationsModule::befriended(const Invitation& invitation, const core::Jid& account, bool durable) {
  if (!durable) return;  // again with the next sweep
  auto& kept = kept_[invitation.host];
  kept.owed.erase({invitation.id, account.str()});
  if (kept.book.find(invitation.id) == nullptr) return;
  if (!kept.book.is_open(invitation.id) && !kept.owes(invitation.id)) {
    return drop(kept, invitation.host, invitation.id, std::nullopt, [](Result<>) {});
  }
  auto unit = std::make_unique<core::Unit>();
  unit->writes.emplace_back(
      storage::PutAccountData{invitation.host, data_kind, {invitation.id + "/" + account.str(), "done"}});
  unit->done = [](core::Unit&) {};
  shard_.commit(std::move(unit));
}

}  // namespace valise::modules::invitations
