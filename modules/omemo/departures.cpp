#include "modules/omemo/departures.hpp"

#include <algorithm>
#include <utility>

namespace valise::modules::omemo {
namespace {

core::Verdict too_much_waits() { return core::make_refusal(core::store_away, "store-unavailable"); }

bool is_sealed(const core::Stanza& stanza) {
  if (stanza.kind == core::Kind::message) return stanza.seal.form != core::Seal::Form::none;
  return stanza.payload().name() == "encrypted";  // between two people nothing else is called so (requests.cpp)
}

}  // namespace

void note(core::Flow& flow, Reason reason) {
  if (flow.record.reason.empty()) flow.record.reason = code_of(reason);
}

// Null: it is delivered; a record may say why it should not be.
core::Verdict Departures::carry_out(core::Flow& flow, Check check, Reason reason) const {
  if (check == Check::enforce) return decide_(flow, reason);
  note(flow, reason);
  return nullptr;
}

bool Departures::take(core::Session& session, core::Flow& flow, const DeviceChecks& checks) {
  if (lists_ == nullptr) {
    lists_ = shard_.service<DeviceLists>();
    gate_ = shard_.service<DeviceGate>();
  }
  if (lists_ == nullptr) return false;
  const bool checked = checks.sid != Check::off || checks.identity != Check::off;
  const bool sealed = flow.sealing.unsealed.empty() && is_sealed(*flow.stanza);
  const auto claims = checked && sealed ? claims_of(*flow.stanza) : Claims{};
  if (!lines_.empty() && lines_.contains(session.id)) {
    if (!sealed && flow.stanza->kind == core::Kind::iq) return false;
    hold(session, flow, claims, checks);
    return true;
  }
  const auto finding = look(session.account, claims, checks, {});
  if (finding.is_good()) return false;
  hold(session, flow, claims, checks);
  return true;
}

Departures::Finding Departures::look(const core::Account& account, const Claims& claims, const DeviceChecks& checks,
                                     const Read& read) const {
  Finding found;
  for (std::size_t i = 0; i < claims.count; ++i) {
    const auto& claim = claims.list[i];
    const auto list = lists_->devices(account, claim.version);
    const bool listed = list && std::ranges::find(*list, claim.device) != list->end();
    if (!listed && checks.sid != Check::off) {
      found.unlisted = true;
      if (!found.kept_out) found.kept_out = kept_out(account, claim.device);
    }
    if (!claim.identity || checks.identity == Check::off) continue;
    const auto* known = lists_->known_identity(account, claim.version, claim.device);
    if (known == nullptr && !read[i]) {
      found.unread = i;
      continue;
    }
    if (known == nullptr && *read[i]) known = &**read[i];
    if (known == nullptr) {
      found.without_keys = true;
    } else if (*known != *claim.identity) {
      found.other_identity = true;
    }
  }
  return found;
}

// docs/sealed.md D13.
std::optional<Reason> Departures::kept_out(const core::Account& account, std::uint32_t device) const {
  using Standing = DeviceGate::Standing;
  const auto standing = gate_ == nullptr ? Standing::free : gate_->standing(account, device);
  if (standing == Standing::free) return std::nullopt;
  return standing == Standing::waiting ? Reason::device_pending : Reason::device_revoked;
}

void Departures::hold(core::Session& session, core::Flow& flow, const Claims& claims, const DeviceChecks& checks) {
  const auto bytes = sizeof(Held) + flow.stanza->memory();
  // An account's, whatever sessions it makes: they may be gone while their lines wait.
  auto& waiting = bytes_[session.account.jid.str()];
  if (waiting != 0 && waiting + bytes > shard_.settings().queue_bytes) {
    return shard_.refuse(std::move(flow), too_much_waits());
  }
  waiting += bytes;
  auto& line = lines_.try_emplace(session.id, session.account.jid).first->second;
  auto held = std::make_unique<Held>();
  held->number = ++last_number_;
  held->flow = std::move(flow);
  held->flow.sender = nullptr;
  held->claims = claims;
  held->checks = checks;
  held->bytes = bytes;
  const bool first = line.waiting.empty();
  line.waiting.push(std::move(held));
  if (first) advance(session.id);
}

void Departures::advance(std::uint64_t session) {
  for (;;) {
    const auto found = lines_.find(session);
    if (found == lines_.end()) return;
    auto& line = found->second;
    if (line.waiting.empty()) {
      lines_.erase(found);
      return;
    }
    if (has_to_wait(session, line.account, *line.waiting.front())) return;
    const auto held = line.waiting.take();
    const auto waiting = bytes_.find(line.account.full());
    if ((waiting->second -= held->bytes) == 0) bytes_.erase(waiting);
    const auto& [unlisted, kept_out, without_keys, other_identity, unread] = held->finding;
    core::Verdict refused;
    if (kept_out) refused = refuse(*kept_out);  // in every mode, where sealed.sid is not off
    if (!refused && unlisted) refused = carry_out(held->flow, held->checks.sid, Reason::device_unknown);
    if (!refused && without_keys) refused = carry_out(held->flow, held->checks.identity, Reason::device_unknown);
    if (!refused && other_identity) refused = carry_out(held->flow, held->checks.identity, Reason::device_identity);
    if (refused) {
      shard_.refuse(std::move(held->flow), std::move(refused));
    } else if (auto* owner = shard_.find_account(line.account.full())) {
      shard_.leave(*owner, std::move(held->flow));
    } else {
      shard_.send_on(std::move(held->flow));
    }
  }
}

// True: something has to be known first. It was asked for, and go_on() follows.
bool Departures::has_to_wait(std::uint64_t session, const core::Jid& account, Held& head) {
  if (head.claims.count == 0) return false;
  auto* owner = shard_.find_account(account.full());
  if (owner == nullptr) {  // the store has been away for long
    head.finding = {.unlisted = true};
    return false;
  }
  head.finding = look(*owner, head.claims, head.checks, head.read);
  if (head.finding.is_good()) return false;
  const auto follow = [this, session, number = head.number] { go_on(session, number); };
  if (!std::exchange(head.settled, true) && !lists_->is_settled(*owner) && lists_->when_settled(*owner, follow)) {
    return true;
  }
  const bool decided = head.finding.kept_out || (head.finding.unlisted && head.checks.sid == Check::enforce);
  if (decided || !head.finding.unread) return false;
  const auto which = *head.finding.unread;
  const auto& claim = head.claims.list[which];
  lists_->identity_key(*owner, claim.version, claim.device,
                       [this, session, number = head.number, which](std::optional<omemo_keys::Key> key) {
                         if (auto* held = head_of(session, number)) held->read[which] = key;
                         go_on(session, number);
                       });
  return true;
}

// In a turn of its own: whoever calls may be in the middle of something.
void Departures::go_on(std::uint64_t session, std::uint64_t number) {
  shard_.post([this, session, number] {
    if (head_of(session, number) != nullptr) advance(session);
  });
}

Departures::Held* Departures::head_of(std::uint64_t session, std::uint64_t number) {
  const auto found = lines_.find(session);
  if (found == lines_.end() || found->second.waiting.empty()) return nullptr;
  auto* head = found->second.waiting.front().get();
  return head->number == number ? head : nullptr;
}

}  // namespace valise::modules::omemo
