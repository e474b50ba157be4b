// How an account's nodes change: one change after the other, in memory at once, answered when durable.
#include <algorithm>

#include "base/clock.hpp"
#include "base/log.hpp"
#include "modules/pep/errors.hpp"
#include "modules/pep/loading.hpp"
#include "modules/pep/module.hpp"

namespace valise::modules::pep {
namespace {
constexpr std::size_t max_waiting = 128;  // changes of an account behind the one that reads the store
constexpr std::int64_t sweep_every_ms = 60'000;
}  // namespace

Turn::~Turn() {
  if (pep_ != nullptr && alive_.lock()) pep_->end_turn(account_);
}

void Pep::in_turn(core::Account& account, core::IqRequest request, Change change) {
  auto& state = part(account);
  if (state.waiting.size() >= max_waiting) {
    return request.error(errors::too_many({"Too many changes at once.", "Trop de modifications à la fois."}));
  }
  state.waiting.push_back(
      [request = std::move(request), change = std::move(change)](core::Account& owner, Turn turn) mutable {
        change(owner, std::move(request), std::move(turn));
      });
  drain(account);
}

void Pep::drain(core::Account& account) {
  auto& state = part(account);
  if (state.draining) return;  // further up the stack: no recursion, however many wait
  state.draining = true;
  while (!state.busy && !state.waiting.empty()) {
    auto next = std::move(state.waiting.front());
    state.waiting.pop_front();
    state.busy = true;
    next(account, Turn(*this, alive_, account.jid));
  }
  state.draining = false;
}

void Pep::end_turn(const core::Jid& jid) {
  auto* account = shard_.find_account(jid.full());
  if (account == nullptr) return;
  part(*account).busy = false;
  drain(*account);
}

void Pep::commit(core::Account& account, core::IqRequest request, std::vector<storage::Write> writes, Committed then) {
  auto unit = std::make_unique<core::Unit>();
  unit->writes = std::move(writes);
  ++part(account).committing;
  account.commit_begun();  // keeps the account in memory, and what it gets in order
  unit->done = [this, jid = account.jid, request = std::move(request),
                then = std::move(then)](core::Unit& finished) mutable {
    auto& owner = *shard_.find_account(jid.full());
    auto& state = part(owner);
    --state.committing;
    if (finished.outcome) {
      then(owner, request);
    } else {
      log::warning("pep", "a change could not be stored: {}", finished.outcome.error().text);
      state.stale = true;
      request.error(core::store_away);
    }
    owner.commit_ended(finished.at_once);
    if (state.stale && state.committing == 0) reload(owner);
  };
  shard_.commit(std::move(unit));
}

void Pep::commit_config(core::Account& account, core::IqRequest request, std::string node, std::string answer,
                        std::move_only_function<void(core::Account&)> then) {
  if (auto* state = find(account, node)) state->unsaved = true;
  std::vector<storage::Write> writes;
  save(account, node, writes);
  commit(account, std::move(request), std::move(writes),
         [this, node = std::move(node), answer = std::move(answer), then = std::move(then)](
             core::Account& owner, core::IqRequest& answered) mutable {
           if (auto* saved = find(owner, node)) saved->unsaved = false;
           answered.result(std::move(answer));
           if (then) then(owner);
         });
}

// The row of a node that no durable unit holds yet. Repeated until one does: units are retried alone, so an item must
// not depend on an earlier unit for its node.
void Pep::save(const core::Account& account, std::string_view node, std::vector<storage::Write>& writes) const {
  const auto* state = find(account, node);
  if (state == nullptr || !state->unsaved) return;
  writes.emplace_back(storage::PutPepNode{account.jid.str(), {std::string(node), to_stored(state->config)}});
}

// Memory ran ahead of a store that refused: the store is right.
void Pep::reload(core::Account& account) {
  shard_.read(
      [owner = account.jid.str()](storage::Reader& reader) -> Result<std::shared_ptr<PepPart>> {
        auto fresh = std::make_shared<PepPart>();
        if (auto loaded = load_part(reader, owner, *fresh); !loaded) return std::unexpected(loaded.error());
        return fresh;
      },
      [this, jid = account.jid](Result<std::shared_ptr<PepPart>> fresh) {
        auto* owner = shard_.find_account(jid.full());
        if (owner == nullptr) return;
        auto& state = part(*owner);
        if (!fresh || state.committing != 0) return;  // tried again behind the next change
        state.stale = false;
        state.nodes = std::move((*fresh)->nodes);
        state.lists = std::move((*fresh)->lists);
        state.identities.clear();
      });
}

void Pep::expire_probes() {
  const auto now = shard_.loop().now_ms();
  shard_.loop().timers().arm(probe_sweep_, now, sweep_every_ms);
  const auto due = std::ranges::partition(probes_, [now](const Probe& probe) { return probe.expires_ms > now; });
  const std::vector<Probe> old(due.begin(), due.end());
  probes_.erase(due.begin(), due.end());
  for (const auto& probe : old) {
    shard_.with_account(probe.account,
                        [this, node = probe.node, created_ms = probe.created_ms](core::Account* account) {
                          if (account == nullptr || !account->exists) return;
                          const auto* state = find(*account, node);
                          if (state == nullptr || state->config.created_ms != created_ms) return;
                          part(*account).nodes.erase(node);
                          auto unit = std::make_unique<core::Unit>();
                          unit->writes.emplace_back(storage::RemovePepNode{account->jid.str(), node});
                          unit->nobody_waits = true;
                          shard_.commit(std::move(unit));
                        });
  }
}

}  // namespace valise::modules::pep
