#include "core/handover.hpp"

#include "base/fault.hpp"
#include "core/shard.hpp"

namespace valise::core {

Handover::Handover(Shard& shard, const std::vector<Session*>& targets) : shard_(shard), ways_(targets.size()) {
  for (std::size_t i = 0; i < targets.size(); ++i) {
    ways_[i].owner = this;
    ways_[i].session = targets[i]->id;
  }
}

bool Handover::begin(std::unique_ptr<Handover>& handover, Account& recipient, std::string_view extra) {
  auto& message = *handover;
  const auto stanza = message.flow.stanza;
  message.open_ = 1;  // until all are asked
  for (auto& way : message.ways_) {
    auto* session = recipient.find_id(way.session);
    if (session == nullptr) continue;
    session->stream.deliver(*stanza, nullptr, extra);
    VALISE_FAULT("deliver.queued.after");
    ++message.open_;
    session->stream.when_sent(way);
  }
  if (message.open_ == 1 && !message.reached_) return false;
  handover.release()->departed(false);
  return true;
}

void Handover::departed(bool sent) {
  if (sent && !reached_) {
    VALISE_FAULT("deliver.sent.after");
    reached_ = true;
    shard_.handled(flow);
    flow.stanza = {};  // it does not begin again: who still waits keeps it no longer
  }
  if (--open_ > 0) return;
  const std::unique_ptr<Handover> self(this);
  if (!reached_) shard_.begin_again(std::move(flow));
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
