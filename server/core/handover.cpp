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
  message.open_ = 1;  // until all are asked
  for (auto& way : message.ways_) {
    auto* session = recipient.find_id(way.session);
    if (session == nullptr) continue;
    session->stream.deliver(*message.flow.stanza, nullptr, extra);
    VALISE_FAULT("deliver.queued.after");
    ++message.open_;
    session->stream.when_sent(way);
  }
  if (message.open_ == 1 && !message.reached_) return false;
  if (!std::exchange(message.flow.copied, true)) message.show_others(recipient, extra);
  handover.release()->departed(false);
  return true;
}

void Handover::show_others(Account& recipient, std::string_view extra) {
  if (!recipient.watchers->any()) return;
  std::vector<std::uint64_t> receivers;
  for (const auto& way : ways_) receivers.push_back(way.session);
  shard_.show_arrived(recipient, *flow.stanza, receivers, extra);
}

void Handover::departed(bool sent) {
  if (sent && !reached_) {
    VALISE_FAULT("deliver.sent.after");
    reached_ = true;
    shard_.handled(flow);
  }
  if (--open_ > 0) return;
  const std::unique_ptr<Handover> self(this);
  if (!reached_) shard_.begin_again(std::move(flow));
}

}  // namespace valise::core
