// The room's inside: one object a shard.
#pragma once

#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "core/services.hpp"
#include "core/shard.hpp"
#include "modules/offline/queue.hpp"
#include "modules/offline/waiting.hpp"

namespace valise::modules::offline {

// Rows that wait no longer: those of the archive stay.
struct Delivered {
  std::vector<std::uint64_t> archived, others;
  void add(const storage::BoxMessage& row) { (row.archived ? archived : others).push_back(row.id); }
  [[nodiscard]] bool empty() const noexcept { return archived.empty() && others.empty(); }
};

// While what waited is sent to one session, no session takes new messages: they go into the store and are read from
// there in their turn, so that nothing overtakes.
struct Drain {
  std::uint64_t session = 0;     // who gets it; 0: no drain
  std::uint64_t run = 0;         // tells late answers of an earlier drain apart
  std::uint64_t cursor = 0;      // greatest id handed over
  std::uint64_t read_up_to = 0;  // Queue::expected() when the page was asked for
  std::vector<storage::BoxMessage> page;
  std::size_t next = 0;  // in page
  bool last_page = false;
  Delivered handed;      // not yet marked
  std::set<Mark> shown;  // an identical re-send that was stored twice is shown once
  struct Held {
    std::uint64_t session;
    std::int8_t priority;
  };
  std::vector<Held> held;  // sessions whose priority is hidden from the router meanwhile
};

struct Waiting final : core::Part {
  Queue queue;
  Drain drain;
};

class OfflineModule final : public core::Module, public OfflineMessages {
 public:
  explicit OfflineModule(core::Shard& shard) : shard_(shard) {}
  void start(core::Registrar& registrar) override;
  void shown(core::Account& account, const std::vector<std::uint64_t>& ids) override;

 private:
  [[nodiscard]] Waiting& waiting(const core::Account& account) const { return *account.part<Waiting>(slot_); }

  // ---- offline.cpp
  core::Verdict keep(core::Flow& flow, std::vector<storage::Write>& writes);

  // ---- drain.cpp
  core::Verdict hold_back(core::Flow& flow);
  void available(core::Session& session);
  void unavailable(core::Session& session);
  void begin(core::Session& session);
  static void hold(Drain& drain, core::Session& session);
  void read_page(core::Account& account);
  void hand_over(core::Account& account);
  void deliver(core::Session& session, const storage::BoxMessage& row);
  void drop_blocked(const storage::BoxMessage& row);
  void wait_for_client(core::Account& account, core::Session& session);
  void wait_for_kernel(core::Session& session, std::uint64_t run);
  void mark(core::Account& account);
  void commit(core::Account& account, Delivered delivered);
  // `complete`: nothing waits any more; otherwise another session that waits goes on with it.
  void end(core::Account& account, bool complete);
  // Runs `step` with the account if the drain that asked for it still goes on.
  template <class Step>
  void resume(const core::Jid& jid, std::uint64_t run, Step step) {
    auto* account = shard_.find_account(jid.full());
    if (account == nullptr) return;
    const auto& drain = waiting(*account).drain;
    if (drain.session != 0 && drain.run == run) step(*account);
  }

  core::Shard& shard_;
  unsigned slot_ = 0;
  std::uint64_t runs_ = 0;
};

}  // namespace valise::modules::offline
