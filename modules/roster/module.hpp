// The room's inside: one object a shard.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/services.hpp"
#include "core/shard.hpp"
#include "modules/roster/book.hpp"
#include "modules/roster/subscription.hpp"
#include "modules/roster/subscriptions.hpp"

namespace valise::modules::roster {

// subscribe.cpp: the row that keeps `next`. Nothing: no row is needed.
[[nodiscard]] std::optional<storage::RosterItem> row_of(const storage::RosterItem* before, std::string_view jid,
                                                        const State& next, std::string request = {});

class RosterModule final : public core::Module, public core::Contacts, public Subscriptions {
 public:
  explicit RosterModule(core::Shard& shard) : shard_(shard) {}
  void start(core::Registrar& registrar) override;

  // Contacts: what clients see; hidden rows are no contacts.
  const storage::RosterItem* find(const core::Account& account, std::string_view contact_bare) const override;
  void each(const core::Account& account, const std::function<void(const storage::RosterItem&)>& visit) const override;
  void on_change(Changed listener) override { listeners_.push_back(std::move(listener)); }

  // Subscriptions (subscribe.cpp)
  void outbound(core::Session& session, core::Flow flow) override;
  void inbound(core::Flow flow) override;
  void show(core::Account& account, const core::Jid& contact, bool available) override;
  void cancel(core::Account& account, const core::Jid& contact, std::string_view rule) override;
  [[nodiscard]] std::size_t pending(const core::Account& account) const override;
  void end_all(const core::Account& account, std::move_only_function<void(bool durable)> then) override;
  // invited.cpp
  void befriend(core::Account& account, const core::Jid& contact, const std::vector<std::string>& groups,
                std::move_only_function<void(bool durable)> then) override;
  void accept(core::Account& account, const core::Jid& contact,
              std::move_only_function<void(bool durable)> then) override;

 private:
  using Item = storage::RosterItem;
  using Written = std::move_only_function<void(core::Account&, bool durable)>;

  [[nodiscard]] Book& book(const core::Account& account) const { return *account.part<Book>(slot_); }

  // Makes `next` (nothing: no row) the row of `jid`: in memory now, in the store by a unit, with the record of what
  // asked for it, if that has none yet. When that is back, `then` runs and all interested sessions get a push: both at
  // the unit's place in the order of what the account gets. Without a roster set (`is_set`, RFC 6121 §2.4.2) there is
  // no push if clients see no difference. `bytes`: what `then` keeps in memory.
  void write(core::Account& account, const std::string& jid, std::optional<Item> next,
             std::optional<core::audit::Record> record, std::size_t bytes, Written then, bool is_set = false);
  void push(core::Account& account, std::string_view jid, const Item* item, std::uint64_t version);

  // requests.cpp
  void get(core::IqRequest request);
  void answer_get(core::Account& account, core::IqRequest& request);
  void set(core::IqRequest request);
  void remove(core::IqRequest request, const core::Jid& jid);
  void deliver_push(core::Session& session, std::string query);

  // subscribe.cpp
  void failed(const core::Flow& flow);
  void deliver_requests(core::Session& session);
  void pass_on(core::Account& account, const core::StanzaPtr& stanza, Step step);

  void receive_from(core::Flow flow, Step step);

  // invited.cpp: a request that shows a token (XEP-0379 §3.4) waits until that is looked at. False: it shows none.
  bool shows_token(core::Flow& flow);
  void redeemed(core::Flow flow, bool holds);

  // removal.cpp
  struct Farewell;
  void next_farewell(const std::shared_ptr<Farewell>& farewell);
  // On the contact's shard: `gone` was removed.
  void forget(core::Account& account, const core::Jid& gone, std::move_only_function<void(bool durable)> then);

  core::Shard& shard_;
  unsigned slot_ = 0;
  std::vector<Changed> listeners_;
  std::uint64_t pushes_ = 0;
};

}  // namespace valise::modules::roster
