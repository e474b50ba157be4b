// How an account's nodes change: one change after the other, in memory at once, answered when durable.
#include "base/log.hpp"
#include "modules/pep/errors.hpp"
#include "modules/pep/loading.hpp"
#include "modules/pep/module.hpp"

namespace valise::modules::pep {

Turn::~Turn() {
  if (pep_ != nullptr && alive_.lock()) pep_->end_turn(account_);
}

void Pep::in_turn(core::Account& account, core::IqRequest request, Change change) {
  // What it writes waits with it: its commit finds the room that it was let in for.
  const auto bytes = sizeof request + sizeof(core::Unit) + request.stanza().memory() + request.stanza().size;
  if (!has_room(account, bytes, request.from_owner())) {
    return request.error(errors::too_many({"Too many changes at once.", "Trop de modifications à la fois."}));
  }
  in_turn(account, bytes, true,
          [request = std::move(request), change = std::move(change)](core::Account& owner, Turn turn) mutable {
            change(owner, std::move(request), std::move(turn));
          });
}

// Others may use half of limits.queue, so that there is room for the owner; what is being committed counts with it.
bool Pep::has_room(const core::Account& account, std::size_t bytes, bool own) const {
  const auto waiting = part(account).bytes + account.waiting_bytes();
  const auto limit = shard_.settings().queue_bytes;
  return waiting == 0 || waiting + bytes <= (own ? limit / 4 * 3 : limit / 2);
}

bool Pep::in_turn(core::Account& account, std::size_t bytes, bool own, Step step) {
  auto& state = part(account);
  if (!has_room(account, bytes, own)) return false;
  state.bytes += bytes;
  state.waiting.push({bytes, std::move(step)});
  drain(account);
  return true;
}

void Pep::drain(core::Account& account) {
  auto& state = part(account);
  if (state.draining) return;  // further up the stack: no recursion, however many wait
  state.draining = true;
  while (!state.busy && !state.waiting.empty()) {
    auto next = state.waiting.take();
    state.busy = true;
    next.change(account, Turn(*this, alive_, account.jid));
    state.bytes -= next.bytes;
  }
  state.draining = false;
}

void Pep::end_turn(const core::Jid& jid) {
  auto* account = shard_.find_account(jid.full());
  if (account == nullptr) return;
  part(*account).busy = false;
  drain(*account);
}

void Pep::commit(core::Account& account, Rows rows, std::move_only_function<void(core::Account&, bool)> then) {
  auto unit = std::make_unique<core::Unit>();
  unit->writes = std::move(rows.writes);
  unit->record = std::move(rows.record);
  ++part(account).committing;
  // It keeps the account in memory, and what it gets in order.
  unit->done = [this, &account, then = std::move(then)](core::Unit& finished) mutable {
    auto& state = part(account);
    --state.committing;
    const bool durable = finished.outcome.has_value();
    if (!durable) {
      log::warning("pep", "a change could not be stored: {}", finished.outcome.error().text);
      state.stale = true;
    }
    then(account, durable);
    if (state.stale && state.committing == 0) reload(account);
  };
  shard_.commit_in_order(account, std::move(unit), rows.bytes);
}

void Pep::commit(core::Account& account, core::IqRequest request, std::vector<storage::Write> writes, Committed then,
                 std::optional<core::audit::Record> record) {
  const auto bytes = sizeof request + request.stanza().memory();
  commit(account, {.writes = std::move(writes), .record = std::move(record), .bytes = bytes},
         [request = std::move(request), then = std::move(then)](core::Account& owner, bool durable) mutable {
           if (!durable) return request.error(core::store_away);
           then(owner, request);
         });
}

void Pep::commit_config(core::Account& account, core::IqRequest request, std::string node, std::string answer,
                        std::move_only_function<void(core::Account&)> then) {
  commit_config(account, node, std::nullopt,
                [request = std::move(request), answer = std::move(answer), then = std::move(then)](
                    core::Account& owner, bool durable) mutable {
                  if (!durable) return request.error(core::store_away);
                  request.result(std::move(answer));
                  if (then) then(owner);
                });
}

void Pep::commit_config(core::Account& account, const std::string& node, std::optional<core::audit::Record> record,
                        std::move_only_function<void(core::Account&, bool)> then) {
  Rows rows{.writes = {}, .record = std::move(record), .bytes = sizeof(Rows)};
  if (auto* state = find(account, node)) state->unsaved = true;
  save(account, node, rows.writes);
  commit(account, std::move(rows), [this, node, then = std::move(then)](core::Account& owner, bool durable) mutable {
    auto* saved = find(owner, node);
    if (durable && saved != nullptr) saved->unsaved = false;
    then(owner, durable);
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

}  // namespace valise::modules::pep
