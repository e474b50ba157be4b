#include "modules/policy/surroundings.hpp"

#include <algorithm>

#include "base/clock.hpp"
#include "core/administrators.hpp"
#include "core/services.hpp"

namespace valise::modules {

using policy::Costly;

void Surroundings::fill(policy::Facts& facts, const core::Flow& flow, const core::Jid* to,
                        const policy::PolicySet& rules) {
  const auto& stanza = *flow.stanza;
  fill_parties(facts, stanza.from, to, rules);
  if (rules.wants(Costly::children)) {
    children_.clear();
    for (const auto child : stanza.root().children()) {
      if (!child.is_text()) children_.push_back({child.name(), child.ns()});
    }
    facts.children = children_;
  }
  if (facts.direction == policy::Direction::in) {
    if (flow.recipient == nullptr) return;
    facts.sessions = static_cast<std::uint32_t>(flow.recipient->sessions.size());
    fill_relation(facts, *flow.recipient, stanza.from, rules);
  } else if (flow.sender != nullptr) {
    facts.sessions = static_cast<std::uint32_t>(flow.sender->account.sessions.size());
    fill_sender(facts, *flow.sender, rules);
    if (to != nullptr) fill_relation(facts, flow.sender->account, *to, rules);
  }
}

void Surroundings::fill(policy::Facts& facts, const core::Session& sender, const core::Jid& to,
                        const policy::PolicySet& rules) {
  fill_parties(facts, sender.jid, &to, rules);
  facts.sessions = static_cast<std::uint32_t>(sender.account.sessions.size());
  fill_sender(facts, sender, rules);
  fill_relation(facts, sender.account, to, rules);
}

void Surroundings::fill_parties(policy::Facts& facts, const core::Jid& from, const core::Jid* to,
                                const policy::PolicySet& rules) {
  if (!rules.wants(Costly::parties)) return;
  facts.from_local = shard_.host(from.domain()) != nullptr;
  facts.to_local = to != nullptr && shard_.host(to->domain()) != nullptr;
  const auto* administrators = shard_.service<core::Administrators>();
  if (administrators == nullptr) return;
  facts.from_admin = administrators->is_administrator(facts.host, from);
  facts.to_admin = to != nullptr && administrators->is_administrator(facts.host, *to);
}

void Surroundings::fill_relation(policy::Facts& facts, const core::Account& account, const core::Jid& other,
                                 const policy::PolicySet& rules) const {
  if (rules.wants(Costly::shown)) {
    const auto* presence = shard_.service<core::PresenceEvents>();
    facts.shown = presence != nullptr && std::ranges::any_of(account.sessions, [&](const core::Session* session) {
                    return session->available && presence->is_shown_to(*session, other);
                  });
  }
  if (!rules.wants(Costly::relation)) return;
  const auto* contacts = shard_.service<core::Contacts>();
  const auto* contact = contacts == nullptr ? nullptr : contacts->find(account, other.bare());
  if (contact == nullptr) return;
  facts.subscription = policy::subscription_names[static_cast<std::size_t>(contact->subscription)];
  facts.asked = contact->ask;
  facts.pending = !contact->pending_in.empty();
  facts.roster_groups = contact->groups;
}

void Surroundings::fill_sender(policy::Facts& facts, const core::Session& sender,
                               const policy::PolicySet& rules) const {
  if (rules.wants(Costly::client)) {
    if (const auto* capabilities = shard_.service<core::Capabilities>()) facts.client = capabilities->node(sender);
  }
  if (!rules.wants(Costly::device_age) || facts.sid == 0) return;
  const auto* devices = shard_.service<omemo_devices::OmemoDevices>();
  const auto first_ms = devices == nullptr ? std::nullopt : devices->first_seen_ms(sender.account, facts.sid);
  if (first_ms) facts.device_age_s = std::max<std::int64_t>(0, utc_now_ms() - *first_ms) / 1000;
}

}  // namespace valise::modules
