#include "core/handover.hpp"

#include <algorithm>
#include <utility>

#include "base/fault.hpp"
#include "core/services.hpp"
#include "core/shard.hpp"

namespace valise::core {

Handover::Handover(Shard& shard, const std::vector<Session*>& targets) : shard_(shard), ways_(targets.size()) {
  for (std::size_t i = 0; i < targets.size(); ++i) {
    ways_[i].owner = this;
    ways_[i].session = targets[i]->id;
  }
}

Account* Handover::recipient() const { return shard_.find_account(flow.stanza->to->bare()); }

void Handover::is_stored() {
  stored_ = true;
  reach();
}

bool Handover::begin(std::unique_ptr<Handover>& handover, Account& recipient, std::string_view extra) {
  auto& message = *handover;
  const auto stanza = message.flow.stanza;
  message.open_ = 1;  // until all are asked
  for (auto& way : message.ways_) {
    auto* session = recipient.find_id(way.session);
    if (session == nullptr) continue;
    ++message.open_;
    way.leaving = way.in_custody = true;
    way.acknowledges = session->stream.entrust(stanza, extra, way);
    VALISE_FAULT("deliver.queued.after");
    way.is_stranded = !session->stream.connected();
    session->stream.when_sent(way);
  }
  if (message.open_ == 1 && !message.reached_) return false;
  if (!std::exchange(message.flow.copied, true)) message.show_others(recipient, *stanza, extra);
  handover.release()->leave();
  return true;
}

void Handover::show_others(Account& recipient, const Stanza& stanza, std::string_view extra) {
  if (!recipient.watchers->any()) return;
  std::vector<std::uint64_t> receivers;
  for (const auto& way : ways_) receivers.push_back(way.session);
  shard_.show_arrived(recipient, stanza, receivers, flow.row != 0 ? flow.row : flow.recorded, extra);
}

// ---- what becomes of it in one session

void Handover::departed(Way& way, bool sent) {
  way.leaving = false;
  if (sent) {
    VALISE_FAULT("deliver.sent.after");
    reach();
  }
  if (!way.acknowledges) {
    way.in_custody = false;
    if (sent) confirm();
  }
  if (way.is_over()) leave();
}

void Handover::settled(Way& way, bool received) {
  way.in_custody = false;
  if (received) {
    reach();
    confirm();
  }
  if (way.is_over()) leave();
}

void Handover::stranded(Way& way) {
  way.is_stranded = true;
  store_if_stranded();
}

// ---- what becomes of the message

void Handover::reach() {
  if (!std::exchange(reached_, true)) shard_.handled(flow);
}

void Handover::confirm() {
  if (std::exchange(confirmed_, true)) return;
  if (stored_ && flow.row != 0) {
    auto* account = recipient();
    auto* rows = shard_.service<WaitingRows>();
    if (account != nullptr && rows != nullptr) rows->received(*account, flow.row, flow.archived);
  }
  if (!storing_) flow.stanza = {};  // it does not begin again: who still waits keeps it no longer
}

void Handover::store_if_stranded() {
  if (confirmed_ || stored_ || storing_ || !flow.storable.store) return;
  const bool all = std::ranges::all_of(ways_, [](const Way& way) { return way.is_over() || way.is_stranded; });
  if (all) store();
}

// Where it cannot be, the sessions keep it as long as they can, and then it begins again.
void Handover::store() {
  auto* account = recipient();
  const auto& keep = shard_.hooks().offline_messages;
  if (account == nullptr || !keep) return;
  flow.recipient = account;
  std::vector<storage::Write> writes;
  if (keep(flow, writes)) return;
  if (writes.empty()) return is_stored();  // an identical message waits already
  auto unit = std::make_unique<Unit>();
  unit->writes = std::move(writes);
  const auto origin = flow.record.origin;
  describe(flow);
  flow.record.kind = audit::Kind::message;
  flow.record.verdict = audit::Outcome::stored;
  unit->record = std::exchange(flow.record, {});
  flow.record.origin = origin;
  unit->done = [this](Unit& finished) { stored(finished); };
  storing_ = true;
  ++open_;
  shard_.commit_in_order(*account, std::move(unit), 0);
}

void Handover::stored(Unit& unit) {
  storing_ = false;
  if (unit.outcome && flow.row == 0) flow.row = unit.id;
  if (flow.written) std::exchange(flow.written, {})(unit.outcome ? flow.row : 0);
  if (unit.outcome) {
    is_stored();
    if (std::exchange(confirmed_, false)) confirm();  // it came to its client meanwhile
  }
  leave();
}

void Handover::leave() {
  if (--open_ > 0) return store_if_stranded();
  const std::unique_ptr<Handover> self(this);
  if (confirmed_) return;
  if (!stored_) return shard_.begin_again(std::move(flow));
  auto* account = recipient();
  auto* rows = shard_.service<WaitingRows>();
  if (account != nullptr && rows != nullptr) rows->look_again(*account);
}

// What begins again is what it says, not what it was parsed from.
std::size_t Handover::waits() {
  auto bytes = sizeof *this + ways_.capacity() * sizeof(Way);
  if (!flow.stanza) return bytes;
  flow.stanza = without_document(flow.stanza);
  const auto& record = flow.record;
  return bytes + flow.stanza->memory() + record.recipient.capacity() + record.stanza_id.capacity();
}

}  // namespace valise::core
