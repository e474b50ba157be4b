// The room's inside: one object a shard.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/services.hpp"
#include "core/shard.hpp"
#include "modules/presence/directed.hpp"
#include "modules/presence/repetition.hpp"
#include "modules/presence/undirected.hpp"
#include "modules/roster/subscriptions.hpp"

namespace valise::modules::presence {

class PresenceModule final : public core::Module,
                             public core::PresenceEvents,
                             public DirectedPresence,
                             public PresenceRepetition {
 public:
  explicit PresenceModule(core::Shard& shard) : shard_(shard) {}
  void start(core::Registrar& registrar) override;
  void configure(const config::Snapshot& snapshot) override;

  // PresenceEvents
  void on_available(std::function<void(core::Session&, bool first)> listener) override {
    available_.push_back(std::move(listener));
  }
  void on_unavailable(std::function<void(core::Session&)> listener) override {
    unavailable_.push_back(std::move(listener));
  }
  [[nodiscard]] bool is_shown_to(const core::Session& session, const core::Jid& who) const override;

  // DirectedPresence (outbound.cpp)
  void undirect(core::Account& account, const std::function<bool(const core::Jid&)>& which) override;

  // PresenceRepetition (outbound.cpp)
  void repeat(core::Account& account, const Change& change) override;

 private:
  // ---- outbound.cpp: what our sessions send
  void outbound(core::Session& session, core::Flow flow);
  void became_available(core::Session& session, core::StanzaPtr stanza);
  // `gone`: the session ends, it gets nothing more.
  void became_unavailable(core::Session& session, core::StanzaPtr stanza, bool gone);
  void direct(core::Session& session, core::Flow flow);
  void undirect_all(core::Session& session, const core::Stanza& stanza);
  void probe_for(core::Session& session, core::Flow flow);

  // ---- inbound.cpp: what arrives for local accounts
  void inbound(core::Flow flow);
  // `type` none or unavailable, to all available resources.
  void arrived(core::Account& account, const core::StanzaPtr& stanza);
  // §4.6.1: who says that he is gone needs no goodbye.
  void undirect(core::Account& account, const core::Stanza& stanza);
  void answer_probe(core::Account& account, const core::Stanza& probe);
  void answer_probe_of_resource(const core::Account& account, const core::Stanza& probe);
  // §4.6.6. False: no session of the account told the asker of itself.
  [[nodiscard]] bool answer_by_directed(const core::Account& account, const core::Stanza& probe);
  // The contact has a subscription with that bit (to, from), or is the account itself.
  [[nodiscard]] bool has_subscription(const core::Account& account, const core::Jid& contact,
                                      storage::Subscription bit) const;

  // ---- fan_out.cpp: many recipients, one task a shard, nothing asked of the store
  // To all contacts with a subscription from the account, without a `to` of its own.
  void broadcast(const core::Account& account, const core::StanzaPtr& stanza);
  // To the account's own available resources; `except` may be null.
  void to_own(core::Account& account, const core::StanzaPtr& stanza, const core::Session* except);
  // Asks all contacts that the account is subscribed to; the answers go to this session alone.
  void probe_contacts(core::Session& session);
  // A presence and the tags of its session, which the rules of whoever gets it are asked with.
  struct Answer {
    core::StanzaPtr presence;
    std::vector<std::string> tags;
  };
  void collect(const std::string& contact, core::Flow& probe, std::vector<Answer>& answers);

  [[nodiscard]] core::Contacts* contacts() const { return shard_.service<core::Contacts>(); }
  [[nodiscard]] bool is_here(std::string_view bare) const;  // an account of this node

  core::Shard& shard_;
  unsigned slot_ = 0;  // of a session: Directed
  std::vector<std::function<void(core::Session&, bool)>> available_;
  std::vector<std::function<void(core::Session&)>> unavailable_;
  // What of a presence may pass there.
  struct Passing {
    bool sealed = true;
    core::Switches switches;
    friend bool operator==(const Passing&, const Passing&) = default;
  };
  std::map<std::string, Passing, std::less<>> hosts_;
};

[[nodiscard]] inline bool is_about_subscriptions(std::string_view type) noexcept {
  return type == "subscribe" || type == "subscribed" || type == "unsubscribe" || type == "unsubscribed";
}
// Delivers to each available session of the account but `except`, as addressed to the account.
void deliver_to_available(core::Account& account, const core::StanzaPtr& stanza, const core::Session* except = nullptr);
// The same presence for one receiver.
[[nodiscard]] core::StanzaPtr addressed(const core::Stanza& stanza, core::Jid to);

}  // namespace valise::modules::presence
