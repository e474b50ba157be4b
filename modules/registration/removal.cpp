// The end of an account, whoever asks for it. Three steps, each of which may be done twice:
//   1. one unit with the record puts the account into the state "removing": from then on it is gone for good, nobody
//      logs in, it is told and its sessions end;
//   2. its contacts' sides of all subscriptions end, each by a unit of its own in its own order (modules/roster);
//   3. its archive goes in slices, it leaves the groups of policies that stand in the store (modules/policy), then one
//      unit erases every other row and leaves the tombstone.
// The rows of the account are the list of what is left to do: a start finds accounts in that state and goes on with 2.
#include <utility>

#include "base/fault.hpp"
#include "base/log.hpp"
#include "core/auth/brake.hpp"
#include "modules/policy/stored_groups.hpp"
#include "modules/registration/module.hpp"
#include "modules/roster/subscriptions.hpp"

namespace valise::modules::registration {
namespace {
constexpr std::int64_t retry_ms = 30'000;
constexpr std::size_t slice = 500;  // messages of a unit: others' units wait no longer for it than for their like
}  // namespace

void RegistrationModule::remove(core::Account& account, core::audit::Record record,
                                std::move_only_function<void(Result<>)> removed, Wiped wiped) {
  auto write = storage::SetAccountState{account.jid.str(), storage::AccountState::removing};
  core::change_account(
      shard_, account, {std::move(write), std::move(record), std::nullopt},
      [this, jid = account.jid, removed = std::move(removed), wiped = std::move(wiped)](Result<> done) mutable {
        if (!done) return removed(std::move(done));
        VALISE_FAULT("removal.begun.after");
        if (auto* brake = shard_.kernel().brake) brake->forget(jid.full());
        auto* gone = shard_.find_account(jid.bare());
        if (gone != nullptr) {
          gone->exists = false;
          gone->state = storage::AccountState::removing;
        }
        removed({});
        if (gone == nullptr) return end_and_tell(jid, std::move(wiped));
        // Behind what its owner still gets, the answer included.
        gone->in_order([this, jid, wiped = std::move(wiped)]() mutable { end_and_tell(jid, std::move(wiped)); });
      });
}

// XEP-0077 §3.2: the sessions end with <not-authorized/>; with them goes their presence.
void RegistrationModule::end_and_tell(const core::Jid& jid, Wiped wiped) {
  shard_.account_changed(jid, storage::AccountState::removing);
  tell_contacts(jid, std::move(wiped));
}

void RegistrationModule::tell_contacts(const core::Jid& jid, Wiped wiped) {
  shard_.with_account(jid, [this, jid, wiped = std::move(wiped)](core::Account* account) mutable {
    auto* subscriptions = shard_.service<Subscriptions>();
    if (account == nullptr || subscriptions == nullptr) return later(jid, wiped);
    // What was under way for its roster has come back then.
    account->in_order([this, jid, account, subscriptions, wiped = std::move(wiped)]() mutable {
      subscriptions->end_all(*account, [this, jid, wiped = std::move(wiped)](bool durable) mutable {
        VALISE_FAULT("removal.contacts.after");
        if (!durable) return later(jid, wiped);
        wipe(jid, std::move(wiped));
      });
    });
  });
}

void RegistrationModule::wipe(const core::Jid& jid, Wiped wiped) {
  shard_.read(
      [owner = jid.str()](storage::Reader& reader) -> Result<std::vector<std::uint64_t>> {
        const auto rows = reader.archived({.owner = owner}, slice, false);
        if (!rows) return std::unexpected(rows.error());
        std::vector<std::uint64_t> ids;
        for (const auto& row : *rows) ids.push_back(row.id);
        return ids;
      },
      [this, jid, wiped = std::move(wiped)](Result<std::vector<std::uint64_t>> ids) mutable {
        if (!ids) return later(jid, wiped);
        if (ids->size() < slice) return leave_groups(jid, std::move(wiped));  // they go with all else
        auto unit = std::make_unique<core::Unit>();
        unit->writes.emplace_back(storage::MarkDelivered{jid.str(), std::move(*ids), false});
        unit->done = [this, jid, wiped = std::move(wiped)](core::Unit& finished) mutable {
          if (!finished.outcome) return later(jid, wiped);
          wipe(jid, std::move(wiped));
        };
        shard_.commit(std::move(unit));
      });
}

// Before its state says that all is done: a start would not go on with it.
void RegistrationModule::leave_groups(const core::Jid& jid, Wiped wiped) {
  auto* groups = shard_.service<StoredGroups>();
  if (groups == nullptr) return erase(jid, std::move(wiped));
  groups->forget(jid, [this, jid, wiped = std::move(wiped)](bool gone) mutable {
    if (!gone) return later(jid, wiped);
    erase(jid, std::move(wiped));
  });
}

void RegistrationModule::erase(const core::Jid& jid, Wiped wiped) {
  auto unit = std::make_unique<core::Unit>();
  unit->writes.emplace_back(storage::EraseAccount{jid.str()});
  unit->done = [this, jid, wiped = std::move(wiped)](core::Unit& finished) mutable {
    VALISE_FAULT("removal.wiped.after");
    if (!finished.outcome) return later(jid, wiped);
    shard_.account_changed(jid, storage::AccountState::deleted);
    wiped(true);
  };
  shard_.commit(std::move(unit));
}

void RegistrationModule::later(const core::Jid& jid, Wiped& wiped) {
  log::warning("registration", "an account that was removed could not be wiped yet; it is tried again");
  unfinished_.push_back(jid);
  if (!retry_.armed()) shard_.loop().timers().arm(retry_, shard_.loop().now_ms(), retry_ms);
  wiped(false);
}

void RegistrationModule::try_again() {
  if (!std::exchange(resumed_, true)) resume();
  for (const auto& jid : std::exchange(unfinished_, {})) tell_contacts(jid, [](bool) {});
}

void RegistrationModule::resume() {
  shard_.read([](storage::Reader& reader) { return reader.removing(); },
              [this](Result<std::vector<std::string>> names) {
                if (!names) {
                  resumed_ = false;
                  if (!retry_.armed()) shard_.loop().timers().arm(retry_, shard_.loop().now_ms(), retry_ms);
                  return;
                }
                for (const auto& name : *names) {
                  const auto jid = core::Jid::parse(name);
                  if (!jid) continue;
                  shard_.on_home(*jid, [jid = *jid](core::Shard& home, core::Account*) {
                    auto* there = home.service<RegistrationModule>();
                    if (there != nullptr) there->tell_contacts(jid, [](bool) {});
                  });
                }
              });
}

}  // namespace valise::modules::registration
