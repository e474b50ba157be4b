// One presence to many contacts. The stanza is shared, each home shard gets one task with all its recipients, and an
// account that is not in memory has no session that could hear: the store is never asked.
#include <memory>
#include <utility>

#include "modules/presence/module.hpp"

namespace valise::modules::presence {
namespace {

using core::Jid;
using core::StanzaPtr;

bool has(const storage::RosterItem& item, storage::Subscription bit) {
  return (static_cast<unsigned>(item.subscription) & static_cast<unsigned>(bit)) != 0;
}

}  // namespace

void PresenceModule::broadcast(const core::Account& account, const StanzaPtr& stanza) {
  const auto* known = contacts();
  if (known == nullptr) return;
  auto& kernel = shard_.kernel();
  std::vector<std::vector<std::string>> here(kernel.shards.size());
  const auto* blocking = shard_.service<core::Blocking>();
  known->each(account, [&](const storage::RosterItem& item) {
    if (!has(item, storage::Subscription::from) || core::has_blocked(blocking, account, item.jid)) return;
    if (is_here(item.jid)) return here[kernel.home_index(item.jid)].push_back(item.jid);
    if (auto jid = Jid::parse(item.jid)) shard_.route(addressed(*stanza, std::move(*jid)));
  });
  const auto* sender = account.find(stanza->from.resource());
  const auto tags = sender == nullptr ? std::vector<std::string>() : sender->tags;
  for (unsigned index = 0; index < here.size(); ++index) {
    if (here[index].empty()) continue;
    auto* there = kernel.shards[index].get();
    shard_.post_to(index, [there, stanza, tags, contacts = std::move(here[index])] {
      if (stanza->type.empty() && there->sheds_presence()) return;
      auto* module = there->service<PresenceModule>();
      core::Flow copy;
      copy.stanza = stanza;
      copy.tags = tags;
      for (const auto& contact : contacts) {
        auto* heard = there->find_account(contact);
        if (heard == nullptr || heard->sessions.empty() || !there->has_room(*heard)) continue;
        if (!there->lets_in(copy, *heard)) continue;
        heard->in_order([module, heard, stanza] { module->arrived(*heard, stanza); }, stanza->memory());
      }
    });
  }
}

void PresenceModule::to_own(core::Account& account, const StanzaPtr& stanza, const core::Session* except) {
  if (!shard_.has_room(account)) return;
  account.in_order(
      [&account, stanza, id = except == nullptr ? 0 : except->id] {
        deliver_to_available(account, stanza, id == 0 ? nullptr : account.find_id(id));
      },
      stanza->memory());
}

void PresenceModule::probe_contacts(core::Session& session) {
  const auto* known = contacts();
  if (known == nullptr) return;
  auto& kernel = shard_.kernel();
  std::vector<std::vector<std::string>> here(kernel.shards.size());
  const auto* blocking = shard_.service<core::Blocking>();
  known->each(session.account, [&](const storage::RosterItem& item) {
    if (!has(item, storage::Subscription::to) || core::has_blocked(blocking, session.account, item.jid)) return;
    if (is_here(item.jid)) return here[kernel.home_index(item.jid)].push_back(item.jid);
    if (auto jid = Jid::parse(item.jid)) shard_.route(core::make_presence("probe", session.jid, std::move(*jid)));
  });
  for (unsigned index = 0; index < here.size(); ++index) {
    if (here[index].empty()) continue;
    auto* there = kernel.shards[index].get();
    shard_.post_to(
        index, [there, asker = session.jid, id = session.id, back = shard_.index(), contacts = std::move(here[index])] {
          auto* module = there->service<PresenceModule>();
          std::vector<StanzaPtr> answers;
          for (const auto& contact : contacts) module->collect(contact, asker, answers);
          if (answers.empty()) return;
          auto* home = there->kernel().shards[back].get();
          there->post_to(back, [home, asker, id, answers = std::move(answers)]() mutable {
            auto* account = home->find_account(asker.bare());
            if (account == nullptr || !home->has_room(*account)) return;
            core::Flow copy;
            std::erase_if(answers, [&](const auto& answer) {
              copy.stanza = answer;
              return !home->lets_in(copy, *account);
            });
            const auto bytes = answers.size() * sizeof(StanzaPtr);  // the stanzas are their sessions' own
            account->in_order(
                [account, id, answers = std::move(answers)] {
                  for (const auto& answer : answers) {
                    auto* asking = account->find_id(id);
                    if (asking == nullptr || !asking->available) return;
                    asking->stream.deliver(answer, &account->jid, {});
                  }
                },
                bytes);
          });
        });
  }
}

// RFC 6121 §4.3.2 for a contact on this shard. Offline contacts of our own hosts give no answer: who has just logged in
// takes them for offline, and a thousand stanzas would say nothing more.
void PresenceModule::collect(const std::string& contact, const Jid& asker, std::vector<StanzaPtr>& answers) {
  auto* account = shard_.find_account(contact);
  if (account == nullptr || !account->exists) return;
  if (core::has_blocked(shard_.service<core::Blocking>(), *account, asker.full())) return;  // XEP-0191 §3.3
  if (!has_subscription(*account, asker, storage::Subscription::from)) {
    return answer_probe(*account, *core::make_presence("probe", asker, account->jid));
  }
  for (const auto* session : account->sessions) {
    if (session->available && session->presence) answers.push_back(session->presence);
  }
}

}  // namespace valise::modules::presence
