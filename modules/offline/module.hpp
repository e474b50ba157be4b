// The room's inside: one object a shard.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "core/services.hpp"
#include "core/shard.hpp"
#include "modules/offline/queue.hpp"

namespace valise::modules::offline {

// Rows that wait no longer: those of the archive stay.
struct Delivered {
  std::vector<std::uint64_t> archived, others;
  void add(std::uint64_t id, bool is_archived) { (is_archived ? archived : others).push_back(id); }
  [[nodiscard]] bool empty() const noexcept { return archived.empty() && others.empty(); }
  [[nodiscard]] std::vector<std::uint64_t> all() const {
    auto ids = archived;
    ids.insert(ids.end(), others.begin(), others.end());
    return ids;
  }
};

// While what waited is sent to one session, no session takes new messages: they go into the store and are read from
// there in their turn, so that nothing overtakes.
struct Drain {
  std::uint64_t session = 0;     // who gets it; 0: no drain
  std::uint64_t run = 0;         // tells late answers of an earlier drain apart
  std::uint64_t cursor = 0;      // greatest id handed over
  std::uint64_t read_up_to = 0;  // Queue::expected() when the page was asked for
  std::vector<storage::BoxMessage> page;
  std::size_t next = 0;             // in page
  std::vector<std::uint64_t> gone;  // marked delivered since the page was asked for: it may still have them
  bool last_page = false;
  Delivered handed;           // not yet marked; not those that the client acknowledges itself
  bool in_slice = false;      // something was sent since the client was last waited for
  bool needs_kernel = false;  // to a client that acknowledges nothing
  std::set<Mark> shown;       // an identical re-send that was stored twice is shown once
  struct Held {
    std::uint64_t session;
    std::int8_t priority;
  };
  std::vector<Held> held;  // sessions whose priority is hidden from the router meanwhile
};

// XEP-0198: rows whose messages are in the hands of clients that acknowledge.
struct InHand {
  Delivered received;                  // acknowledged, to be marked in this turn
  std::vector<std::uint64_t> marking;  // not durably yet
  // Sessions that lost their connection while they were drained: no message passes the rest of what waits for them, so
  // the router does not see their priority.
  std::vector<Drain::Held> parked;
  // Rows that came while a session collected what waited: the others have seen a copy (XEP-0280), it has not, because
  // it gets them. Kept while it is drained or parked; another that takes them meanwhile shows it a copy.
  struct Unseen {
    std::uint64_t session;
    std::vector<std::uint64_t> rows;
  };
  std::vector<Unseen> unseen;
  // Copies of newer messages for sessions that are drained or parked: who knows a message by its stanza-id has all that
  // are older (XEP-0313 §4.3 "after"), so nothing newer may come to a client that is owed something.
  struct Behind {
    std::uint64_t session;
    std::vector<std::pair<std::uint64_t, core::StanzaPtr>> copies;  // by id, in order
    std::size_t bytes = 0;
  };
  std::vector<Behind> behind;

  [[nodiscard]] bool is_parked(std::uint64_t session) const {
    return std::ranges::find(parked, session, &Drain::Held::session) != parked.end();
  }
};

struct Waiting final : core::Part {
  Queue queue;
  Drain drain;
  InHand in_hand;
};

class OfflineModule;

// A row that waits, its message in a client's hands.
struct RowInHand final : core::Custody {
  RowInHand(OfflineModule& module_, core::Jid account_, std::uint64_t id_, bool archived_)
      : module(module_), account(std::move(account_)), id(id_), archived(archived_) {}
  void settled(bool received) override;
  void stranded() override {}  // its row waits anyway
  [[nodiscard]] std::uint64_t row() const override { return id; }

  OfflineModule& module;
  const core::Jid account;
  const std::uint64_t id;
  const bool archived;
};

class OfflineModule final : public core::Module, public core::WaitingRows {
 public:
  explicit OfflineModule(core::Shard& shard) : shard_(shard) {}
  void start(core::Registrar& registrar) override;
  // core::WaitingRows
  [[nodiscard]] bool has_had(const core::Account& account, std::uint64_t row) const override {
    return waits(account).queue.has_had(row);
  }
  // ---- in_hand.cpp
  void received(core::Account& account, std::uint64_t row, bool archived) override;
  void look_again(core::Account& account) override;
  bool show(core::Session& session, const core::StanzaPtr& stanza, std::uint64_t row) override;
  void shown(core::Session& session, const std::vector<std::uint64_t>& rows) override;
  // ---- behind.cpp
  bool keeps_behind(core::Session& session, std::uint64_t id, const core::StanzaPtr& copy) override;
  [[nodiscard]] std::size_t waiting_for(const core::Account& account) const override {
    return waits(account).queue.size();
  }

 private:
  // Most accounts have none: to read, and to change.
  [[nodiscard]] const Waiting& waits(const core::Account& account) const {
    return account.part_or_empty<Waiting>(slot_);
  }
  [[nodiscard]] Waiting& waiting(core::Account& account) const { return account.ensure_part<Waiting>(slot_); }

  // ---- offline.cpp
  core::Verdict keep(core::Flow& flow, std::vector<storage::Write>& writes);

  // ---- in_hand.cpp
  void mark_received(core::Account& account);
  void detached(core::Session& session);
  void resumed(core::Session& session);
  // In id order: the session has them, or had them and they are not marked yet.
  [[nodiscard]] std::vector<std::uint64_t> known_to(const core::Session& session) const;
  [[nodiscard]] bool has_news_for(const core::Session& session) const;
  // Another session than this one still has to see the row's message.
  [[nodiscard]] bool is_unseen_elsewhere(const core::Session& session, std::uint64_t row) const;
  // The session got it: those who have not seen it see a copy.
  void show_unseen(core::Session& session, std::uint64_t row, const core::Stanza& stanza, const std::string& extra);

  // ---- behind.cpp
  // Copies that are older than `id` go; all of them where nothing is owed to the session any more.
  void release(core::Session& session, std::uint64_t id);
  void release(core::Session& session);

  // ---- drain.cpp
  core::Verdict hold_back(core::Flow& flow);
  void available(core::Session& session);
  void unavailable(core::Session& session);
  void begin(core::Session& session);
  static void hold(Drain& drain, core::Session& session);
  void read_page(core::Account& account);
  void hand_over(core::Account& account);
  enum class Given : std::uint8_t { nothing, sent, in_custody };  // in_custody: the client acknowledges it
  [[nodiscard]] Given deliver(core::Session& session, const storage::BoxMessage& row);
  void drop(const storage::BoxMessage& row, const std::string& reason, const std::string& rule = {});
  void wait_for_client(core::Account& account, core::Session& session);
  void wait_for_kernel(core::Session& session, std::uint64_t run);
  void conclude(core::Account& account);
  void mark(core::Account& account);
  void commit(core::Account& account, Delivered delivered, std::size_t bytes);
  // `complete`: nothing waits any more; otherwise another session that waits goes on with it.
  void end(core::Account& account, bool complete);
  // Runs `step` with the account if the drain that asked for it still goes on.
  template <class Step>
  void resume(const core::Jid& jid, std::uint64_t run, Step step) {
    auto* account = shard_.find_account(jid.full());
    if (account == nullptr) return;
    const auto& drain = waits(*account).drain;
    if (drain.session != 0 && drain.run == run) step(*account);
  }

  friend struct RowInHand;
  core::Shard& shard_;
  unsigned slot_ = 0;
  std::uint64_t runs_ = 0;
};

}  // namespace valise::modules::offline
