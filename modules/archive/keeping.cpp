// Which messages become rows of whose archive (XEP-0313 §6.1.1, XEP-0441), in the one unit of the message; and which
// are identical re-sends (docs/sealed.md D2), archived or not.
#include "base/clock.hpp"
#include "core/delay.hpp"
#include "modules/archive/module.hpp"

namespace valise::modules::archive {

bool ArchiveModule::keeps(const core::Account& account, const core::Jid& peer) const {
  const auto is_contact = [&] {
    const auto* contacts = shard_.service<core::Contacts>();
    return contacts != nullptr && contacts->find(account, peer.bare()) != nullptr;
  };
  const auto& own = said(account).wishes;
  if (own) return own->keeps(peer, is_contact);
  return Wishes{.otherwise = rules(account.jid.domain()).otherwise, .always = {}, .never = {}}.keeps(peer, is_contact);
}

// On the sender's shard, where his wishes are known.
core::Verdict ArchiveModule::sent(core::Flow& flow) const {
  if (flow.sender == nullptr) return nullptr;
  const auto& account = flow.sender->account;
  if (!is_on(account.jid.domain())) return nullptr;
  const auto& stanza = *flow.stanza;
  flow.kept_for_sender = keeps(account, stanza.to ? *stanza.to : account.jid);
  return nullptr;
}

// On the recipient's: rows for him and a local sender, in one write.
core::Verdict ArchiveModule::received(core::Flow& flow) const {
  const auto& stanza = *flow.stanza;
  auto& account = *flow.recipient;
  if (flow.again) {
    // It has its rows. Without one of the recipient it may come back to its sender, who may send it again as it was.
    if (!flow.archived) {
      archive(account).recent.forget(
          offline::mark_of(stanza.from.str(), stanza.to->str(), stanza.id, offline::content_digest(stanza)));
    }
    return nullptr;
  }
  if (!flow.storable.store || !account.exists) return nullptr;
  const bool to_self = stanza.from.same_bare(account.jid);
  // What a rule holds back is its sender's now, and the recipient's when it comes.
  const bool waits = flow.hold_until_ms != 0;
  const bool for_recipient =
      !waits && flow.storable.for_good && is_on(account.jid.domain()) && keeps(account, stanza.from);
  const bool for_sender = flow.storable.for_good && flow.kept_for_sender && !to_self;
  const bool archived = for_recipient || for_sender;
  if (!archived && stanza.seal.form == core::Seal::Form::none) return nullptr;

  storage::PutMessage put{{.from = stanza.from.str(),
                           .to = stanza.to->str(),
                           .stanza_id = stanza.id,
                           .digest = offline::content_digest(stanza)},
                          {}};
  if (offline::says_which(stanza)) {
    const auto mark = offline::mark_of(put.message.from, put.message.to, put.message.stanza_id, put.message.digest);
    auto& recent = archive(account).recent;
    if (!flow.held) flow.first_copy = recent.find(mark, utc_now_ms());  // else it is that one
    if (flow.first_copy) {
      const auto row = recent.lost_sight_of(mark, shard_.kernel().last_id);
      const auto* waiting = shard_.service<core::WaitingRows>();
      if (row == 0 || (waiting != nullptr && waiting->has_had(account, row))) return nullptr;
      flow.first_copy = nullptr;
      flow.row = row;
    }
    // The part lives as long as its account, which stays in memory while its commits are under way.
    if (recent.expect(mark)) {
      flow.written = [&recent, mark, others = std::exchange(flow.written, nullptr)](std::uint64_t id) mutable {
        if (others) others(id);
        recent.came_back(mark, id);
      };
    }
    if (flow.row != 0) {  // it has its rows, and is delivered under their id
      flow.archived = true;
      return nullptr;
    }
  }
  if (!archived) return nullptr;
  stanza.append(put.message.stanza, nullptr,
                flow.since_ms == 0 ? std::string() : core::delay(account.jid.domain(), flow.since_ms));
  if (for_recipient) {
    put.boxes.push_back({.owner = account.jid.str(),
                         .peer = std::string(stanza.from.bare()),
                         .direction = storage::Direction::in,
                         .delivered = true});
  }
  if (for_sender) {
    put.boxes.push_back({.owner = std::string(stanza.from.bare()),
                         .peer = account.jid.str(),
                         .direction = storage::Direction::out,
                         .delivered = true});
  }
  flow.archived = for_recipient;
  flow.writes.emplace_back(std::move(put));
  return nullptr;
}

}  // namespace valise::modules::archive
