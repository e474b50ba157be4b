// The room's inside: one object a shard.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "core/services.hpp"
#include "core/shard.hpp"
#include "modules/blocking/blocklist.hpp"
#include "modules/reports/abuse_reports.hpp"

namespace valise::modules::blocking {

class BlockingModule final : public core::Module, public core::Blocking {
 public:
  explicit BlockingModule(core::Shard& shard) : shard_(shard) {}
  void start(core::Registrar& registrar) override;
  void configure(const config::Snapshot& snapshot) override;

  // core::Blocking
  [[nodiscard]] bool has_blocked(const core::Account& account, std::string_view jid) const override;

 private:
  // A session that has asked for the list and gets pushes (XEP-0191 §3.3).
  struct Interested final : core::Part {};
  // What a command does; `all`: an <unblock/> without items.
  struct Command {
    bool all = false;
    Blocklist::Change change;
    std::vector<reports::Taken> reports{};
  };

  // Most accounts have none: to read, and to change.
  [[nodiscard]] const Blocklist& blocked(const core::Account& account) const {
    return account.part_or_empty<Blocklist>(account_slot_);
  }
  [[nodiscard]] Blocklist& list(core::Account& account) const { return account.ensure_part<Blocklist>(account_slot_); }

  // ---- blocking.cpp: the stages
  core::Verdict outbound(core::Flow& flow) const;
  core::Verdict inbound(core::Flow& flow) const;

  // ---- requests.cpp
  void get(core::IqRequest request);
  void answer_get(core::Account& account, core::IqRequest& request);
  void set(core::IqRequest request, bool adds);
  [[nodiscard]] std::vector<reports::Taken> reports_of(const core::IqRequest& request) const;
  void carry_out(core::IqRequest request, Command command);
  void push(core::Account& account, const Command& command);
  // What a command may change for a contact: an address of him, or his server's.
  struct Concerned {
    std::string jid;
    bool sees_us, seen;
  };
  [[nodiscard]] std::vector<Concerned> concerned_by(const core::Account& account,
                                                    const Blocklist::Change& change) const;
  void record_shown(const core::Account& account, const core::Jid& contact, bool available);
  // The change is durable; tells contacts of whom it changes what they may see.
  void end_and_tell(core::Account& account, const Blocklist::Change& change);

  core::Shard& shard_;
  unsigned account_slot_ = 0;
  unsigned session_slot_ = 0;
  std::size_t max_blocked_ = 1'000;
  std::uint64_t pushes_ = 0;
};

}  // namespace valise::modules::blocking
