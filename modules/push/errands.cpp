// Notifications on their way to push services (XEP-0357 §7): one at a time to each node, what comes meanwhile is told
// with the next; what fails for now is tried again, later and later, and a service that refuses is heard (§7.1).
#include <algorithm>

#include "base/log.hpp"
#include "core/namespaces.hpp"
#include "modules/push/module.hpp"
#include "modules/push/notification.hpp"
#include "modules/roster/subscriptions.hpp"

namespace valise::modules::push {
namespace {

constexpr std::size_t most_errands = 50'000;  // of one shard
constexpr std::int64_t longest_ms = 3'600'000;

std::string key_of(const core::Jid& account, std::string_view row) { return account.str() + '\n' + std::string(row); }

}  // namespace

Errand::Errand(PushModule& module_, core::Jid account_, std::string row_)
    : module(module_),
      account(std::move(account_)),
      row(std::move(row_)),
      timer(
          [](void* self) {
            auto& errand = *static_cast<Errand*>(self);
            errand.module.go(errand);
          },
          this) {}

void PushModule::tell(core::Account& account, const std::string& row, const Registration& registration) {
  if (registration.missed <= registration.told_of) return;
  auto& errand = errands_[key_of(account.jid, row)];
  if (!errand) {
    if (errands_.size() > most_errands) {
      log::warning("push", "too many notifications are on their way");
      errands_.erase(key_of(account.jid, row));
      return;
    }
    errand = std::make_unique<Errand>(*this, account.jid, row);
  }
  errand->missed = std::max(errand->missed, registration.missed);
  errand->last_sender = registration.last_sender;
  errand->wanted = true;
  if (!errand->asking && !errand->timer.armed()) go(*errand);
}

// It is looked at again: the device may be back, or the registration gone.
void PushModule::go(Errand& errand) {
  if (!errand.wanted) return end(errand);
  errand.asking = true;
  errand.run = ++runs_;
  shard_.with_account(errand.account, [this, key = key_of(errand.account, errand.row)](core::Account* account) {
    const auto found = errands_.find(key);
    if (found == errands_.end()) return;
    auto& going = *found->second;
    if (account == nullptr) return answered(key, going.run, Outcome::later);  // the store is away
    if (!account->exists || account->state != storage::AccountState::active) return end(going);
    auto& all = registrations(*account).by_row;
    const auto registration = all.find(going.row);
    if (registration == all.end() || is_there(registration->second, *account, !rules_.inactive)) return end(going);
    publish(going, *account, registration->second);
  });
}

void PushModule::publish(Errand& errand, core::Account& account, const Registration& registration) {
  errand.wanted = false;
  Summary summary{.messages = std::max(errand.missed, registration.missed),
                  .pending_subscriptions = 0,
                  .last_sender = rules_.sender ? errand.last_sender.bare() : std::string_view()};
  const auto* rows = shard_.service<core::WaitingRows>();
  if (rows != nullptr) summary.messages = std::max(summary.messages, rows->waiting_for(account));
  const auto* subscriptions = shard_.service<Subscriptions>();
  if (subscriptions != nullptr) summary.pending_subscriptions = subscriptions->pending(account);
  errand.missed = summary.messages;
  auto payload = notification(registration.node, registration.options, summary);
  // The session that is the service lives on a home shard of its own. The answer comes back here, never at once: who
  // calls is among the registrations.
  auto tell_home = [this, home = &shard_, key = key_of(errand.account, errand.row), run = errand.run](Outcome outcome) {
    home->post([this, key, run, outcome] { answered(key, run, outcome); });
  };
  shard_.on_home(registration.service.to_bare(),
                 [payload = std::move(payload), service = registration.service, user = errand.account.str(),
                  tell_home = std::move(tell_home)](core::Shard& there, core::Account* its) mutable {
                   if (its == nullptr) return tell_home(Outcome::later);
                   if (!its->exists) return tell_home(Outcome::refused);
                   if (core::has_blocked(there.service<core::Blocking>(), *its, user))
                     return tell_home(Outcome::refused);
                   auto* session = its->find(service.resource());
                   if (session == nullptr || !session->stream.connected()) return tell_home(Outcome::later);
                   auto hear = [tell_home](core::StanzaPtr answer) {
                     if (!answer) return tell_home(Outcome::later);
                     if (!answer->is_error()) return tell_home(Outcome::done);
                     // §7.1: what may pass by itself is no reason to disable.
                     const auto error = answer->child("error", core::ns::client);
                     const bool passes = error && error.attribute_or_empty("type") == "wait";
                     tell_home(passes ? Outcome::later : Outcome::refused);
                   };
                   if (!there.request(*session, std::move(payload), std::move(hear), "set")) tell_home(Outcome::later);
                 });
}

void PushModule::answered(const std::string& key, std::uint64_t run, Outcome outcome) {
  const auto found = errands_.find(key);
  if (found == errands_.end() || found->second->run != run) return;
  auto& errand = *found->second;
  errand.asking = false;
  auto& loop = shard_.loop();
  switch (outcome) {
    case Outcome::refused:
      return give_up(errand);
    case Outcome::later: {
      if (++errand.failures >= rules_.attempts) return give_up(errand);
      errand.wanted = true;
      const auto wait = std::min(longest_ms, rules_.retry_ms << std::min(errand.failures - 1, 20U));
      return loop.timers().arm(errand.timer, loop.now_ms(), wait);
    }
    case Outcome::done:
      break;
  }
  errand.failures = 0;
  auto* account = shard_.find_account(errand.account.bare());
  if (account != nullptr) {
    auto& all = registrations(*account).by_row;
    const auto registration = all.find(errand.row);
    if (registration != all.end() && !errand.wanted) registration->second.told_of = registration->second.missed;
  }
  loop.timers().arm(errand.timer, loop.now_ms(), rules_.interval_ms);
}

// §7.1.
void PushModule::give_up(Errand& errand) {
  const auto account = errand.account;
  const auto row = errand.row;
  end(errand);
  shard_.with_account(account, [this, row](core::Account* loaded) {
    if (loaded != nullptr && loaded->exists) forget(*loaded, {row}, "push-refused");
  });
}

void PushModule::end(const Errand& errand) { errands_.erase(key_of(errand.account, errand.row)); }

void PushModule::end(const core::Jid& account, const std::string& row) { errands_.erase(key_of(account, row)); }

}  // namespace valise::modules::push
