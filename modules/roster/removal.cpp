// The end of an account, seen from its contacts (RFC 6121 §2.5.2 for each of them): one unit a contact, on the
// contact's shard, in the order of what he gets. A few at a time: a long list loads many accounts.
#include <utility>

#include "base/fault.hpp"
#include "modules/roster/module.hpp"

namespace valise::modules::roster {
namespace {

constexpr std::size_t at_once = 32;

// What the contact's side holds of us, if the two are in step; more than that is done there.
bool concerns(const State& state) {
  return state.subscription != storage::Subscription::none || state.pending_in || state.pending_out || state.approved;
}

}  // namespace

// On the shard of the account that is gone.
struct RosterModule::Farewell {
  core::Jid gone;
  std::vector<core::Jid> contacts;
  std::size_t next = 0;
  std::size_t open = 0;
  bool durable = true;
  std::move_only_function<void(bool)> then;
};

void RosterModule::end_all(const core::Account& account, std::move_only_function<void(bool durable)> then) {
  auto farewell = std::make_shared<Farewell>();
  farewell->gone = account.jid;
  farewell->then = std::move(then);
  for (const auto& item : book(account).items()) {
    auto contact = core::Jid::parse(item.jid);
    const auto state = state_of(item);
    if (!contact || !concerns(state)) continue;
    if (shard_.host(contact->domain()) != nullptr && shard_.kernel().cluster->is_home(contact->bare())) {
      farewell->contacts.push_back(std::move(*contact));
      continue;
    }
    // Another server keeps its own side.
    if (has_to(state.subscription) || state.pending_out) {
      shard_.route(core::make_presence("unsubscribe", account.jid, *contact));
    }
    if (has_from(state.subscription) || state.pending_in) {
      shard_.route(core::make_presence("unsubscribed", account.jid, *contact));
    }
  }
  ++farewell->open;  // so that it does not end within
  for (std::size_t i = 0; i < at_once; ++i) next_farewell(farewell);
  if (--farewell->open == 0) farewell->then(farewell->durable);
}

void RosterModule::next_farewell(const std::shared_ptr<Farewell>& farewell) {
  if (farewell->next == farewell->contacts.size()) return;
  const auto& contact = farewell->contacts[farewell->next++];
  ++farewell->open;
  auto told = [this, farewell](bool durable) {
    farewell->durable = farewell->durable && durable;
    ++farewell->open;
    next_farewell(farewell);
    farewell->open -= 2;
    if (farewell->open == 0) farewell->then(farewell->durable);
  };
  shard_.on_home(contact,
                 [gone = farewell->gone, back = shard_.index(), told](core::Shard& there, core::Account* account) {
                   // Through the mailbox, also on the own shard: as many contacts as there are would call each other.
                   auto answer = [home = there.kernel().shards[back].get(), told](bool durable) {
                     home->post([told, durable] { told(durable); });
                   };
                   if (account == nullptr) return answer(false);
                   there.service<RosterModule>()->forget(*account, gone, std::move(answer));
                 });
}

void RosterModule::forget(core::Account& account, const core::Jid& gone,
                          std::move_only_function<void(bool durable)> then) {
  const auto* before = account.exists ? book(account).find(gone.full()) : nullptr;
  const auto state = before == nullptr ? State() : state_of(*before);
  if (!concerns(state)) {
    // What was changed by an earlier try may still be on its way to the store.
    return account.in_order([then = std::move(then)]() mutable { then(true); });
  }
  const bool seen_by = has_from(state.subscription) || state.pending_in;
  const bool sees = has_to(state.subscription) || state.pending_out;
  write(account, gone.str(), row_of(before, gone.full(), State()), std::nullopt,
        [this, gone, seen_by, sees, then = std::move(then)](core::Account& owner, bool durable) mutable {
          VALISE_FAULT("removal.contact.after");
          if (durable && seen_by) {
            pass_on(owner, core::make_presence("unsubscribe", gone, owner.jid), Step::unsubscribe);
          }
          if (durable && sees) {
            pass_on(owner, core::make_presence("unsubscribed", gone, owner.jid), Step::unsubscribed);
          }
          then(durable);
        });
}

}  // namespace valise::modules::roster
